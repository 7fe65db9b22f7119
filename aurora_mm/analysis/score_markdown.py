"""The scores as a Markdown table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aurora_mm.evaluation import EvaluationResult
from aurora_mm.tables import Markdown, markdown_table


def score_markdown(
    result: EvaluationResult,
    constant: EvaluationResult | None = None,
    intervals: Mapping[str, Any] | None = None,
) -> str:
    """Format a Markdown table with a row for every task.

    Args:
        result: Result of the evaluation.
        constant: Result of the constant predictor, for a further column.
        intervals: Result of :func:`aurora_mm.analysis.bootstrap.bootstrap_intervals`, for a column of intervals of the
            primary scores.

    Returns:
        The table; ``primary`` is the primary score in [0, 1], numbers in ``px`` are original pixels.
    """
    bounds = intervals or dict(tasks={}, types={})
    rows = []
    for task_type in result.tasks.types():
        for task in result.tasks.of_type(task_type):
            of_task = bounds['tasks'].get(task.name, {})
            values = _values(result, constant, f'{task.name}/primary', of_task.get('primary'))
            brief = result.columns[task.name].brief(result.of_task(task.name))
            rows.append((task.name, task_type, *values, brief))
    for task_type in result.tasks.types():
        values = _values(result, constant, f'type/{task_type}', bounds['types'].get(task_type))
        rows.append((f'mean of {task_type}', '', *values, ''))
    for title, key in (('mean over tasks', 'task_mean'), (Markdown('**score** (mean over types)'), 'score')):
        rows.append((title, '', *_values(result, constant, key, bounds.get(key)), ''))
    level = '' if intervals is None else f'{100 * intervals["level"]:g} % '
    heads = ('task', 'type', 'primary', f'{level}interval', 'constant', 'metrics')
    return markdown_table(heads, rows)


def _values(
    result: EvaluationResult, constant: EvaluationResult | None, key: str, interval: Sequence[float] | None
) -> tuple[str, str, str]:
    """Return a score of the model, its interval and the score of the constant predictor as text."""
    return (
        f'{result.scores[key]:.3f}',
        '-' if interval is None else f'{interval[0]:.3f} to {interval[1]:.3f}',
        '-' if constant is None else f'{constant.scores[key]:.3f}',
    )
