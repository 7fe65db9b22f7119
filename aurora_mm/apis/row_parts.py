"""The tasks of one image that go through a model together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from aurora_mm.tasks import TaskTable


@dataclass(frozen=True)
class RowPart:
    """Some or all of the tasks that are asked of one image.

    Args:
        position: Of the row, counted from 0.
        row: ``img_path`` or ``img``, and metainfo.
        tasks: Names of the tasks of this part.
        row_tasks: Names of all tasks that are asked of the image.
        is_single: Whether the row asks one task and wants its :class:`TaskDataSample`.
    """

    position: int
    row: Mapping[str, Any]
    tasks: Sequence[str]
    row_tasks: Sequence[str]
    is_single: bool = False

    def item(self, table: TaskTable) -> dict[str, Any]:
        """Make what the test pipeline takes: the first task's fields, those of the others in ``other_rows``."""
        common = dict(img_id=0) | {key: value for key, value in self.row.items() if key not in ('task', 'tasks')}
        first, *others = (common | table[name].item_fields() for name in self.tasks)
        for other in others:
            other.pop('img', None)
        return first | dict(other_rows=others)


def split_row(position: int, row: Mapping[str, Any], names: Sequence[str], groups: Iterable[Sequence[str]]) -> list:
    """Split the tasks of a row into parts.

    Args:
        position: Of the row.
        row: With ``task`` or ``tasks``.
        names: Of its tasks.
        groups: Names of tasks that may share a pass through the model; together, all of them.

    Returns:
        A :class:`RowPart` for each group that holds a task of the row.
    """
    parts = [[name for name in names if name in group] for group in groups]
    return [RowPart(position, row, part, names, 'tasks' not in row) for part in parts if part]


class RowJoiner:
    """Joins the parts of rows as they are answered; rows in which a part is missing are kept until it comes."""

    def __init__(self) -> None:
        self._unfinished: dict[int, dict[str, TaskDataSample]] = {}

    def add(
        self, answers: Iterable[tuple[RowPart, MultiTaskDataSample]]
    ) -> Iterator[tuple[int, TaskDataSample | MultiTaskDataSample]]:
        """Take parts and their samples.

        Yields:
            The position and the sample of each row that is complete now.
        """
        for part, sample in answers:
            found = self._unfinished.setdefault(part.position, {})
            found.update({one.task: one for one in sample})
            if len(found) < len(part.row_tasks):
                continue
            del self._unfinished[part.position]
            if part.is_single:
                yield part.position, found[part.row_tasks[0]]
            else:
                metainfo = {key: value for key, value in sample.metainfo_items() if key != 'task_order'}
                yield part.position, MultiTaskDataSample([found[name] for name in part.row_tasks], metainfo=metainfo)
