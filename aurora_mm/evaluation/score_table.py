"""The scores as text tables, one for each task type."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rich import box
from rich.table import Table

from aurora_mm.tasks import TASK_TYPES, Task, TaskTable
from aurora_mm.utils import render_table

# The official metrics of each type with the unit they are shown in; '%' marks fractions, shown times 100.
COLUMNS = {
    'segmentation': {'DSC': '%', 'HD': 'px'},
    'classification': {'AUC': '%', 'F1_macro': '%', 'F1_weighted': '%', 'Accuracy': '%', 'MCC': '%'},
    'detection': {'IoU': '%'},
    'landmark': {'MRE': 'px', 'MRE_diagonal': '%'},
}


def score_tables(results: Mapping[str, float], tasks: TaskTable, counts: Mapping[str, int]) -> str:
    """Tables of scores to read in a console.

    Args:
        results: What :meth:`MultiTaskEvaluator.evaluate` returns, fractions as fractions.
        tasks: The tasks, in the order of the rows.
        counts: Number of images of each scored task; tasks that are not in it get no row.

    Returns:
        Lines of text: a table for each task type present, its last row the mean over the tasks, then the score.
        Column heads tell the unit: percent or pixels. ``-`` stands for a metric that was not computed.
    """
    blocks = []
    for task_type in TASK_TYPES:
        scored = [task for task in tasks.of_type(task_type) if task.name in counts]
        if scored:
            blocks.append(render_table(_type_table(task_type, scored, results, counts)))
    blocks.append(
        f'score {100 * results["score"]:.2f} % (mean over task types), '
        f'{100 * results["task_mean"]:.2f} % (mean over {len(counts)} tasks)'
    )
    return '\n'.join(blocks)


def _type_table(task_type: str, scored: list[Task], results: Mapping[str, float], counts: Mapping[str, int]) -> Table:
    units = {'primary': '%', **COLUMNS[task_type]}
    table = Table(title=task_type, title_justify='left', box=box.SIMPLE_HEAD)
    table.add_column('task', no_wrap=True)
    for name in ('images', *(f'{metric} [{unit}]' for metric, unit in units.items())):
        table.add_column(name, justify='right')
    for task in scored:
        values = [results.get(f'{task.name}/{metric}') for metric in units]
        table.add_row(task.name, str(counts[task.name]), *map(_cell, values, units.values()))
    table.add_section()
    means = [_mean([results.get(f'{task.name}/{metric}') for task in scored]) for metric in units]
    table.add_row('mean over tasks', str(sum(counts[task.name] for task in scored)), *map(_cell, means, units.values()))
    return table


def _mean(values: list[float | None]) -> float | None:
    """The mean of those values that exist."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    return sum(known) / len(known) if known else None


def _cell(value: float | None, unit: str) -> str:
    if value is None:
        return '-'
    return f'{100 * value if unit == "%" else value:.2f}'
