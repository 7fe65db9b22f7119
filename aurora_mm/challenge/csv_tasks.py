"""Determines the tasks of CSV rows, and the rows that contradict the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aurora_mm.challenge.csv_cells import BadRow, integer
from aurora_mm.challenge.csv_tables import Row
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.task_names import folded
from aurora_mm.tasks import Task, TaskTable


class AgreedTasks(NamedTuple):
    """The tasks of the rows of a data root.

    Args:
        table: The known tasks and the tasks of the rows.
        task_of_row: For each row, its task from the table, or an error message about the row's description of it.
        places: File and line where each task was first found.
    """

    table: TaskTable
    task_of_row: list[Task | str]
    places: dict[str, str]


def agree_on_tasks(rows: Sequence[Row], known: TaskTable, places: Mapping[str, str]) -> AgreedTasks:
    """Determine the tasks of rows, and find the rows that describe a task differently.

    Rows belong to the same task if their ``task_id`` only differs in upper and lower case, ``_`` and ``-``. For a known
    task, its own name, type and number of outputs are correct; for any other task, those of more than half of its rows.
    Rows with another description are bad.

    Args:
        rows: All rows of a data root.
        known: Known tasks.
        places: File and line where known tasks were found, for error messages.

    Raises:
        DataError: If no row describes a known task correctly, or the rows of another task have no majority.
    """
    parsed = described_tasks(rows)
    voters: dict[str, list[int]] = {}
    for index, task in enumerate(parsed):
        if isinstance(task, Task):
            voters.setdefault(folded(task.name), []).append(index)
    known_by_fold = {folded(task.name): task for task in known.values()}
    table, met = known, dict(places)
    for key, indices in voters.items():
        votes = Counter(parsed[index] for index in indices)
        first_of = {parsed[index]: rows[index] for index in reversed(indices)}
        agreed = _agreed(votes, first_of, known_by_fold.get(key), places)
        table = table.with_tasks([agreed])
        met[agreed.name] = first_of[agreed].place
        for index in indices:
            if (task := parsed[index]) != agreed:
                parsed[index] = _difference(task, agreed, met[agreed.name])
            else:
                parsed[index] = table[agreed.name]
    return AgreedTasks(table, parsed, met)


def described_tasks(rows: Sequence[Row]) -> list[Task | str]:
    """Return the task that each row describes, with numbered outputs, or an error message about the description."""
    cache: dict[tuple[str, str, str], Task | str] = {}
    parsed = []
    for row in rows:
        key = (row.cells['task_id'], row.cells['task_name'], row.cells['num_classes'])
        if key not in cache:
            name, task_name, count = key
            try:
                cache[key] = Task.from_csv(name, task_name, integer('num_classes', count))
            except (BadRow, ConfigError) as error:
                cache[key] = f'{error} (num_classes {count[:100]!r})'
        parsed.append(row.fault or cache[key])
    return parsed


def _agreed(votes: Counter[Task], first_of: Mapping[Task, Row], known: Task | None, places: Mapping[str, str]) -> Task:
    if known is None:
        (agreed, count), *others = votes.most_common()
        if 2 * count > votes.total():
            return agreed
        other, row = others[0][0], first_of[others[0][0]]
        raise DataError(_difference(other, agreed, first_of[agreed].place), file=row.file, row=row.line)
    agreed = Task.from_csv(known.name, known.type, known.num_outputs)
    if agreed in votes:
        return agreed
    (other, _), *_ = votes.most_common()
    where = places.get(known.name, 'the task table')
    raise DataError(_difference(other, agreed, where), file=first_of[other].file, row=first_of[other].line)


def _difference(task: Task, agreed: Task, where: str) -> str:
    if task.name != agreed.name:
        return f"task {task.name!r} differs only in capitals, '_' and '-' from {agreed.name!r} in {where}"
    return (
        f'task {task.name!r} is {task.type} with {task.num_outputs} outputs here, but {agreed.type} with '
        f'{agreed.num_outputs} in {where}'
    )
