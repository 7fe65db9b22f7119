"""The scores as one Markdown table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aurora_mm.evaluation.scores import PIXEL_METRICS
from aurora_mm.tasks import TASK_TYPES, TaskTable

# The official metrics shown of each type; the first one ranks a task, on its own or as a share of the diagonal.
_HEADLINE = {
    'segmentation': ('DSC', 'HD'),
    'classification': ('Accuracy', 'AUC', 'F1_macro', 'MCC'),
    'detection': ('IoU',),
    'landmark': ('MRE',),
}


def score_report(
    scores: Mapping[str, Any],
    tasks: TaskTable,
    constant: Mapping[str, Any] | None = None,
    intervals: Mapping[str, Any] | None = None,
) -> str:
    """A Markdown table with a row for every scored task.

    Args:
        scores: As :func:`aurora_mm.evaluation.nested_scores` gives them.
        tasks: The task table, which gives the order.
        constant: The constant predictor's scores, for a column beside the model's.
        intervals: As :func:`aurora_mm.evaluation.bootstrap_intervals` gives them, for a column of the primary scores'.

    Returns:
        The table; ``primary`` is the task's score in [0, 1], figures in ``px`` are of the original image.
    """
    share = '' if intervals is None else f' {100 * intervals["level"]:g} %'
    lines = [f'| task | type | primary |{share} interval | constant | other metrics |', '|---|---|---|---|---|---|']
    bounds = intervals or dict(tasks={}, types={})
    for task_type in TASK_TYPES:
        for task in tasks.of_type(task_type):
            if task.name in scores['tasks']:
                values = scores['tasks'][task.name]
                base = '-' if constant is None else f'{constant["tasks"][task.name]["primary"]:.3f}'
                metrics = ', '.join(_metric(name, values.get(name)) for name in _HEADLINE[task_type])
                interval = _interval(bounds['tasks'].get(task.name, {}).get('primary'))
                lines.append(
                    f'| {task.name} | {task_type} | {values["primary"]:.3f} | {interval} | {base} | {metrics} |'
                )
    for label, pick in (
        *((f'mean of {t}', lambda s, t=t: s['types'].get(t)) for t in scores['types']),
        ('mean over tasks', lambda s: s.get('task_mean')),
        ('**score** (mean over types)', lambda s: s.get('score')),
    ):
        base = '-' if constant is None else f'{pick(constant):.3f}'
        lines.append(f'| {label} | | {pick(scores):.3f} | {_interval(pick(bounds))} | {base} | |')
    return '\n'.join(lines) + '\n'


def _interval(ends: Sequence[float] | None) -> str:
    return '-' if ends is None else f'{ends[0]:.3f} to {ends[1]:.3f}'


def _metric(name: str, value: float | None) -> str:
    if value is None:
        return f'{name} -'
    return f'{name} {value:.1f} px' if name in PIXEL_METRICS else f'{name} {value:.3f}'
