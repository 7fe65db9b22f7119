"""Groups of tasks of one image that are predicted in the same forward pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aurora_mm.errors import ConfigError
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from aurora_mm.tasks import TaskTable

ALL_TASKS = 'all'
"""Asks for all tasks of a model."""

AUTO_TASKS = 'auto'
"""Asks for the tasks that the router of a model chooses for each image."""


def named_tasks(tasks: TaskTable, asked: str | Iterable[str]) -> list[str]:
    """Return the names of the tasks to predict.

    Args:
        tasks: The tasks of the model.
        asked: A name, names, or ``'all'`` for all tasks.

    Raises:
        ConfigError: If the model does not have a task, a name is given twice, or there are no names.
    """
    names = list(tasks) if asked == ALL_TASKS else [asked] if isinstance(asked, str) else list(asked)
    for name in names:
        if not isinstance(name, str) or name not in tasks:
            known = ', '.join(tasks.nearest(str(name)))
            raise ConfigError(f'the model does not know task {name!r}; it knows {known}')
    if not names or len(set(names)) < len(names):
        raise ConfigError(f'tasks must be named, each once: {names}')
    return names


@dataclass(frozen=True)
class TaskGroup:
    """Tasks of one image that are predicted in the same forward pass.

    Args:
        position: Index of the row, counted from 0.
        row: Dict with ``img_path`` or ``img``, and metainfo.
        tasks: Names of the tasks of this group.
        row_tasks: Names of all tasks of the row.
        is_single: Whether the row has one task and the result is a :class:`TaskDataSample`.
        is_routed: Whether the model's router chooses some of the tasks.
    """

    position: int
    row: Mapping[str, Any]
    tasks: Sequence[str]
    row_tasks: Sequence[str]
    is_single: bool = False
    is_routed: bool = False

    def item(self, table: TaskTable) -> dict[str, Any]:
        """Create the input of the test pipeline, with the fields of the first task and the others in ``other_rows``.

        Args:
            table: The tasks of the model.
        """
        common = dict(img_id=0) | {key: value for key, value in self.row.items() if key not in ('task', 'tasks')}
        first, *others = (common | table[name].item_fields() for name in self.tasks)
        for other in others:
            other.pop('img', None)
        return first | dict(other_rows=others)


def group_tasks(
    position: int, row: Mapping[str, Any], names: Sequence[str], groups: Iterable[Sequence[str]]
) -> list[TaskGroup]:
    """Divide the tasks of a row into groups.

    Args:
        position: Index of the row.
        row: Dict with ``task`` or ``tasks``.
        names: Names of the row's tasks.
        groups: For each group, names of tasks that may be predicted in the same forward pass. Together they must
            contain all tasks of the row.

    Returns:
        A :class:`TaskGroup` for each group with a task of the row.
    """
    chosen = [[name for name in names if name in group] for group in groups]
    return [TaskGroup(position, row, group, names, 'tasks' not in row) for group in chosen if group]


class SampleJoiner:
    """Joins the predictions of the groups of each row. Incomplete rows are stored until all groups are predicted."""

    def __init__(self) -> None:
        self._unfinished: dict[int, dict[str, TaskDataSample]] = {}

    def add(
        self, answers: Iterable[tuple[TaskGroup, MultiTaskDataSample]]
    ) -> Iterator[tuple[int, TaskDataSample | MultiTaskDataSample]]:
        """Add the predictions of groups.

        Args:
            answers: Groups, each with its predicted sample.

        Yields:
            Index and sample of each row that is complete now.
        """
        for group, sample in answers:
            if group.is_routed:
                yield group.position, sample
                continue
            found = self._unfinished.setdefault(group.position, {})
            found.update({one.task: one for one in sample})
            if len(found) < len(group.row_tasks):
                continue
            del self._unfinished[group.position]
            if group.is_single:
                yield group.position, found[group.row_tasks[0]]
            else:
                metainfo = {key: value for key, value in sample.metainfo_items() if key != 'task_order'}
                yield group.position, MultiTaskDataSample([found[name] for name in group.row_tasks], metainfo=metainfo)
