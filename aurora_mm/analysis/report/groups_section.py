"""The section of the report about groups of images, by columns of the CSV files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aurora_mm.analysis.report.results import Results
from aurora_mm.analysis.report.tables import Score
from aurora_mm.errors import DataError


@dataclass(frozen=True)
class GroupRow:
    """One group of one task.

    Args:
        task: Name of the task; ``''`` where it is that of the row above.
        value: Value of the column.
        images: Number of images.
        score: Primary score with its interval.
        is_small: Whether there are few images.
        is_worst: Whether it is the task's worst group.
    """

    task: str
    value: str
    images: int
    score: Score
    is_small: bool
    is_worst: bool


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
            DataError: If ``metrics.json`` has other content there than a test writes.
        """
        try:
            return [
                cls(column, [row for task, groups in tasks.items() for row in _rows(task, groups)])
                for column, tasks in (results.scores.get('groups') or {}).items()
            ]
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise DataError(
                f'no groups as aurora-mm test writes them: {error!r}', file=results.folder / 'metrics.json'
            ) from error


def _rows(task: str, groups: list[dict[str, Any]]) -> list[GroupRow]:
    return [
        GroupRow(
            task=task if number == 0 else '',
            value=str(group['value']),
            images=int(group['images']),
            score=Score(group['primary'], None if group['interval'] is None else (low, high)),
            is_small=bool(group['is_small']),
            is_worst=bool(group['is_worst']),
        )
        for number, group in enumerate(groups)
        for low, high in [group['interval'] or (0.0, 0.0)]
    ]
