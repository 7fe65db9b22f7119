"""The table of an evaluation's scores for the console."""

from __future__ import annotations

import math
from collections.abc import Sized
from typing import NamedTuple

from rich import box
from rich.table import Table

from aurora_mm.evaluation.evaluation_result import EvaluationResult
from aurora_mm.evaluation.metrics import Column
from aurora_mm.tasks import Task


class _Section(NamedTuple):
    """Tasks of one type whose scores have the same names."""

    task_type: str
    heads: tuple[str, ...]
    tasks: list[Task]


def score_table(result: EvaluationResult) -> Table:
    """Build one table of all scores, to be printed by rich or by :func:`aurora_mm.tables.console_text`.

    Tasks of one type are grouped under a line with the names of their scores: first the primary score, under the name
    of the headline if they are equal, otherwise as ``score``; then the other brief columns. The last line of a group is
    the mean of its tasks; the last two lines of the table are the means over all tasks and task types. Scores without a
    unit are in percent; ``-`` is a score that is missing or not defined.

    Args:
        result: Result of the evaluation.
    """
    sections = _sections(result)
    width = max(len(section.heads) for section in sections)
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column('task', no_wrap=True)
    for _ in range(1 + width):
        table.add_column(justify='right', no_wrap=True)
    for index, section in enumerate(sections):
        table.add_row(section.task_type, 'images', *section.heads, style='bold')
        for task in section.tasks:
            table.add_row(f'  {task.name}', str(result.images[task.name]), *_cells(result, task))
        if index + 1 == len(sections) or sections[index + 1].task_type != section.task_type:
            of_type = result.tasks.of_type(section.task_type)
            images = sum(result.images[task.name] for task in of_type)
            mean = _percent(result.scores[f'type/{section.task_type}'])
            others = _mean_cells(result, section) if len(of_type) == len(section.tasks) else []
            table.add_row(f'  mean over {_count(of_type, "task")}', str(images), mean, *others, style='italic')
            table.add_section()
    total = str(sum(result.images.values()))
    table.add_row(f'mean over {_count(result.tasks, "task")}', total, _percent(result.scores['task_mean']))
    types = _count(result.tasks.types(), 'type')
    table.add_row(f'score (mean over {types})', '', _percent(result.scores['score']), style='bold')
    return table


def _sections(result: EvaluationResult) -> list[_Section]:
    sections: dict[tuple[str, tuple[str, ...]], _Section] = {}
    for task_type in result.tasks.types():
        for task in result.tasks.of_type(task_type):
            heads = _heads(result, task)
            sections.setdefault((task_type, heads), _Section(task_type, heads, [])).tasks.append(task)
    return list(sections.values())


def _others(result: EvaluationResult, task: Task) -> list[str]:
    """Return the keys of the scores after the primary score."""
    columns, headline, primary_text = result.columns[task.name]
    first = [headline] if primary_text else []
    return [*first, *(key for key, column in columns.items() if column.brief and key != headline)]


def _heads(result: EvaluationResult, task: Task) -> tuple[str, ...]:
    columns, headline, primary_text = result.columns[task.name]
    others = (_head(key, columns[key]) for key in _others(result, task))
    return ('score %' if primary_text else f'{headline} %', *others)


def _cells(result: EvaluationResult, task: Task) -> list[str]:
    """Return the cells of the primary score and of the others."""
    values = [result.scores.get(f'{task.name}/{key}') for key in _others(result, task)]
    columns = [result.columns[task.name].columns[key] for key in _others(result, task)]
    return [_percent(result.scores[f'{task.name}/primary']), *map(_number, values, columns)]


def _mean_cells(result: EvaluationResult, section: _Section) -> list[str]:
    """Return the cells of the means over the section's tasks, for the scores after the primary score."""
    cells = []
    for key in _others(result, section.tasks[0]):
        values = [result.scores.get(f'{task.name}/{key}') for task in section.tasks]
        known = [value for value in values if value is not None and not math.isnan(value)]
        column = result.columns[section.tasks[0].name].columns[key]
        total = sum(known) / (1 if column.is_count else len(known)) if known else None  # counts are added up
        cells.append(_number(total, column))
    return cells


def _head(key: str, column: Column) -> str:
    if column.is_count:
        return key
    return f'{key} {column.unit_beside_name}'.rstrip() if column.unit else f'{key} %'


def _number(value: float | None, column: Column) -> str:
    if value is None or math.isnan(value):
        return '-'
    if column.is_count:
        return column.text(value)
    return f'{value:.2f}' if column.unit else _percent(value)


def _percent(value: float) -> str:
    return f'{100 * value:.2f}'


def _count(items: Sized, what: str) -> str:
    return f'{len(items)} {what}{"s" if len(items) != 1 else ""}'
