"""The scores as one Markdown table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aurora_mm.tasks import TASK_TYPES, TaskTable

# The official metric that ranks each type, with the unit it is shown in.
_HEADLINE = {
    'segmentation': ('DSC', 'HD'),
    'classification': ('Accuracy', 'AUC', 'F1_macro', 'MCC'),
    'detection': ('IoU',),
    'landmark': ('MRE',),
}
_PIXELS = ('HD', 'MRE')


def score_report(scores: Mapping[str, Any], tasks: TaskTable, constant: Mapping[str, Any] | None = None) -> str:
    """A Markdown table with a row for every scored task.

    Args:
        scores: As :func:`aurora_mm.evaluation.nested_scores` gives them.
        tasks: The task table, which gives the order.
        constant: The constant predictor's scores, for a column beside the model's.

    Returns:
        The table; ``primary`` is the task's score in [0, 1], figures in ``px`` are of the original image.
    """
    lines = ['| task | type | primary | constant | other metrics |', '|---|---|---|---|---|']
    for task_type in TASK_TYPES:
        for task in tasks.of_type(task_type):
            if task.name in scores['tasks']:
                values = scores['tasks'][task.name]
                base = '-' if constant is None else f'{constant["tasks"][task.name]["primary"]:.3f}'
                metrics = ', '.join(_metric(name, values.get(name)) for name in _HEADLINE[task_type])
                lines.append(f'| {task.name} | {task_type} | {values["primary"]:.3f} | {base} | {metrics} |')
    for label, pick in (
        *((f'mean of {t}', lambda s, t=t: s['types'][t]) for t in scores['types']),
        ('mean over tasks', lambda s: s['task_mean']),
        ('**score** (mean over types)', lambda s: s['score']),
    ):
        base = '-' if constant is None else f'{pick(constant):.3f}'
        lines.append(f'| {label} | | {pick(scores):.3f} | {base} | |')
    return '\n'.join(lines) + '\n'


def _metric(name: str, value: float | None) -> str:
    if value is None:
        return f'{name} -'
    return f'{name} {value:.1f} px' if name in _PIXELS else f'{name} {value:.3f}'
