"""The section of the report about groups of images, by columns of the CSV files."""

from __future__ import annotations

from dataclasses import dataclass

from aurora_mm.analysis.column_groups import ColumnGroup, TaskGroups
from aurora_mm.analysis.report.results import Results
from aurora_mm.analysis.report.tables import Score


@dataclass(frozen=True)
class GroupRow:
    """One group of one task.

    Args:
        task: Name of the task; ``''`` where it is that of the row above.
        group: The group.
    """

    task: str
    group: ColumnGroup

    @property
    def score(self) -> Score:
        """The primary score of the group with its interval."""
        return Score(self.group.primary, self.group.interval)


@dataclass(frozen=True)
class GroupsSection:
    """The groups of one column.

    Args:
        column: Name of the column.
        rows: Its groups, task by task, the worst scores first.
    """

    column: str
    rows: list[GroupRow]

    @classmethod
    def of(cls, results: Results) -> list[GroupsSection]:
        """Build the sections of all columns; none if the test was not asked for any.

        Raises:
            DataError: See :meth:`Results.groups`.
        """
        return [cls(column, _rows(tasks)) for column, tasks in results.groups().items()]


def _rows(tasks: TaskGroups) -> list[GroupRow]:
    return [
        GroupRow(task if number == 0 else '', group)
        for task, groups in tasks.items()
        for number, group in enumerate(groups)
    ]
