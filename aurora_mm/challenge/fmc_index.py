"""What is known of the rows of a data root once its CSV files are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from aurora_mm.challenge.row_columns import Records
from aurora_mm.errors import DataError
from aurora_mm.tasks import TaskTable


class SkippedRow(NamedTuple):
    """A row that was left out.

    Args:
        task: Text of the column ``task_id``.
        message: The reason, with file and line.
    """

    task: str
    message: str


class NoUsableRowError(DataError):
    """No row of a data root can be used.

    Args:
        files: Number of its CSV files.
        folder: The folder that holds them.
        skipped: The bad rows, if ``on_error='skip'``; without any, the files have no row.
    """

    def __init__(self, files: int, folder: Path, skipped: Sequence[SkippedRow]) -> None:
        message = f'no usable row in {files} CSV file(s); {len(skipped)} skipped'
        super().__init__(message + (f', the first: {skipped[0].message}' if skipped else ''), file=folder)
        self.skipped = tuple(skipped)


class FmcIndex(NamedTuple):
    """All rows of a data root.

    Args:
        records: The valid rows, in the order of the files.
        tasks: The known tasks and the tasks of the rows.
        skipped: The bad rows, if ``on_error='skip'``.
        repeated: Rows with the same image, task and annotation as an earlier row.
        places: File and line where each task was first found.
        folders: The folders that were searched for files, and when each was last changed before that, see
            :func:`aurora_mm.folders.folder_time`.
    """

    records: Records
    tasks: TaskTable
    skipped: list[SkippedRow]
    repeated: list[SkippedRow]
    places: dict[str, str]
    folders: dict[str, int | None]


def describe_skipped(skipped: Sequence[SkippedRow], what: str = 'bad rows', examples: int = 10) -> str:
    """Format a message about rows that were left out.

    Args:
        skipped: The rows.
        what: What the rows are, for the message.
        examples: Number of rows that are listed with their messages.

    Returns:
        The number of rows of each task, and the messages of the first rows.
    """
    counts = ', '.join(f'{task} {count}' for task, count in sorted(Counter(row.task for row in skipped).items()))
    lines = [f'{len(skipped)} {what} left out: {counts}', *(row.message for row in skipped[:examples])]
    if len(skipped) > examples:
        lines.append(f'... and {len(skipped) - examples} more')
    return '\n  '.join(lines)
