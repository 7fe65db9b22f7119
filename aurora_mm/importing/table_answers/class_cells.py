"""What cells of a table say about classes."""

from __future__ import annotations

import re

from aurora_mm.importing.table_file import TableRow
from aurora_mm.tasks import Task

_WHOLE = re.compile(r'(-?\d+)\.0+')


def class_name(cell: str) -> str:
    """Return the name of a class that a cell says: programs that save tables write 1 as 1.0 beside blank cells."""
    whole = _WHOLE.fullmatch(cell)
    return whole[1] if whole else cell


def class_index(task: Task, row: TableRow, column: str) -> int:
    """Return the index of the class that a cell names.

    Raises:
        DataError: If the task has no such class.
    """
    name = class_name(row.cells[column])
    if name not in task.classes:
        raise row.fault(f'{name!r} in column {column!r} is none of the classes {", ".join(task.classes)}')
    return task.classes.index(name)
