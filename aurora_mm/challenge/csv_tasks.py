"""Determines the tasks of CSV rows, and the rows that contradict the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from aurora_mm.challenge.csv_cells import BadRow, integer
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.task_names import folded
from aurora_mm.tasks import Task, TaskTable


class Description(NamedTuple):
    """What some rows say about their task.

    Args:
        cells: Text of the columns ``task_id``, ``task_name`` and ``num_classes``.
        num_rows: Number of rows.
        file: Path of the CSV file of the first of them.
        line: Line of the first of them.
    """

    cells: tuple[str, str, str]
    num_rows: int
    file: Path
    line: int

    @property
    def place(self) -> str:
        """File and line of the first row, for error messages."""
        return f'{self.file}, row {self.line}'


class AgreedTasks(NamedTuple):
    """The tasks of the rows of a data root.

    Args:
        table: The known tasks and the tasks of the rows.
        of_description: For each description, its task from the table, or an error message about it.
        places: File and line where each task was first found.
    """

    table: TaskTable
    of_description: list[Task | str]
    places: dict[str, str]


def agree_on_tasks(descriptions: Sequence[Description], known: TaskTable, places: Mapping[str, str]) -> AgreedTasks:
    """Determine the tasks of rows, and find the rows that describe a task differently.

    Rows belong to the same task if their ``task_id`` only differs in upper and lower case, ``_`` and ``-``. For a known
    task, its own name, type and number of outputs are correct; for any other task, those of more than half of its rows.
    Rows with another description are bad.

    Args:
        descriptions: All descriptions of a data root, in the order of their first rows.
        known: Known tasks.
        places: File and line where known tasks were found, for error messages.

    Raises:
        DataError: If no row describes a known task correctly, or the rows of another task have no majority.
    """
    parsed = [described_task(*description.cells) for description in descriptions]
    voters: dict[str, dict[int, Task]] = {}
    for index, found in enumerate(parsed):
        if isinstance(found, Task):
            voters.setdefault(folded(found.name), {})[index] = found
    known_by_fold = {folded(task.name): task for task in known.values()}
    table, met = known, dict(places)
    for key, described in voters.items():
        votes: Counter[Task] = Counter()
        for index, task in described.items():
            votes[task] += descriptions[index].num_rows
        first_of = {task: descriptions[index] for index, task in reversed(described.items())}
        agreed = _agreed(votes, first_of, known_by_fold.get(key), places)
        table = table.with_tasks([agreed])
        met[agreed.name] = first_of[agreed].place
        for index, task in described.items():
            if task != agreed:
                parsed[index] = _difference(task, agreed, met[agreed.name])
            else:
                parsed[index] = table[agreed.name]
    return AgreedTasks(table, parsed, met)


def described_task(task_id: str, task_name: str, num_classes: str) -> Task | str:
    """Return the task that a row describes, with numbered outputs, or an error message about the description."""
    try:
        return Task.from_csv(task_id, task_name, integer('num_classes', num_classes))
    except (BadRow, ConfigError) as error:
        return f'{error} (num_classes {num_classes[:100]!r})'


def _agreed(
    votes: Counter[Task], first_of: Mapping[Task, Description], known: Task | None, places: Mapping[str, str]
) -> Task:
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
