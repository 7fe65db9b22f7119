"""Reading of ``metrics.json`` with a check of its content."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation.metrics.result_row import are_numbers, is_number
from aurora_mm.json_files import read_json
from aurora_mm.tasks import TaskTable

_MEANS = ('task_mean', 'score')


def read_scores(file: str | Path) -> dict[str, Any]:
    """Read the scores of ``metrics.json``; see :func:`aurora_mm.analysis.results_folder.write_results` for its content.

    Args:
        file: A file that ``aurora-mm test`` or ``aurora-mm score`` wrote.

    Returns:
        The content. It has ``tasks`` (each with a ``primary`` score), ``types``, ``task_mean`` and ``score``. Numbers
        are finite; a score of a task that is not defined is None.

    Raises:
        DataError: If it cannot be read or has another content. The message gives the key and the value.
    """
    content = read_json(file)
    try:
        _check_scores(content, '')
        if content.get('constant') is not None:
            _check_scores(content['constant'], 'constant.')
    except ValueError as error:
        raise DataError(f'no scores as aurora-mm test writes them: {error}', file=file) from error
    return content


def read_scores_of_tasks(file: str | Path) -> tuple[dict[str, Any], TaskTable]:
    """Read the scores of ``metrics.json`` and the scored tasks.

    Args:
        file: See :func:`read_scores`.

    Returns:
        The content, in which ``images`` has the number of images of each task and ``intervals``, if there are any, are
        pairs of numbers; and the tasks, all of which have scores.

    Raises:
        DataError: See :func:`read_scores`.
    """
    content = read_scores(file)
    try:
        tasks = _tasks(content)
        for name, task in tasks.items():
            _number(_object(content, 'images'), name, 'images.', whole=True)
            _object(content['tasks'], name, 'tasks.')
            _number(content['types'], task.type, 'types.')
        if content.get('intervals') is not None:
            _check_intervals(content['intervals'])
    except (ValueError, ConfigError) as error:
        raise DataError(f'no scores as aurora-mm test writes them: {error}', file=file) from error
    return content, tasks


def _check_scores(content: Any, at: str) -> None:
    for key in _MEANS:
        _number(content, key, at)
    types = _object(content, 'types', at)
    for name in types:
        _number(types, name, f'{at}types.')
    tasks = _object(content, 'tasks', at)
    for name in tasks:
        place = f'{at}tasks.{name}.'
        scores = _object(tasks, name, f'{at}tasks.')
        _number(scores, 'primary', place)
        for key, value in scores.items():
            if value is not None:
                _number(scores, key, place)


def _tasks(content: Mapping[str, Any]) -> TaskTable:
    table = content.get('table')
    if not isinstance(table, list):
        raise ValueError(f'table is {_brief(table)}, not a list of tasks')
    return TaskTable(table)


def _check_intervals(intervals: Any) -> None:
    _number(intervals, 'level', 'intervals.')
    for key in _MEANS:
        if key in intervals:
            _pair(intervals[key], f'intervals.{key}')
    for name, pair in _object(intervals, 'types', 'intervals.').items():
        _pair(pair, f'intervals.types.{name}')
    tasks = _object(intervals, 'tasks', 'intervals.')
    for name in tasks:
        for key, pair in _object(tasks, name, 'intervals.tasks.').items():
            _pair(pair, f'intervals.tasks.{name}.{key}')


def _object(content: Any, key: str, at: str = '') -> dict[str, Any]:
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, dict):
        raise ValueError(f'{at}{key} is {_brief(value)}, not an object')
    return value


def _number(content: Any, key: str, at: str, whole: bool = False) -> None:
    value = content.get(key) if isinstance(content, dict) else None
    if not is_number(value) or (whole and (type(value) is not int or value < 0)):
        raise ValueError(f'{at}{key} is {_brief(value)}, not a {"count" if whole else "number"}')


def _pair(value: Any, at: str) -> None:
    if not are_numbers(value, 2):
        raise ValueError(f'{at} is {_brief(value)}, not two numbers')


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'
