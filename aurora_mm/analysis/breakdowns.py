"""Breakdowns of a task's score by class or point, by size of the target, and by image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from aurora_mm.evaluation import Column, ResultRow
from aurora_mm.evaluation.metrics import metric_of_row, rows_by_image

SIZE_BINS = (
    ('absent', 0.0),
    ('below 1 %', 0.01),
    ('1 to 5 %', 0.05),
    ('5 to 20 %', 0.2),
    ('20 % and more', float('inf')),
)
"""Bins of a target's fraction of the image area: name and exclusive upper end; 'absent' is exactly 0."""


class Group(NamedTuple):
    """A group of targets of a task.

    Args:
        task: Name of the task.
        name: Name of the group: the target's name, or the bin of its size.
        number: Number of targets.
        scores: Mean of each number that the metric computes for a target. Of an optional one, the mean over the targets
            that have it.
        known: Number of targets that have the optional numbers.
    """

    task: str
    name: str
    number: int
    scores: dict[Column, float]
    known: int

    @classmethod
    def of(cls, name: str, rows: list[ResultRow]) -> Group:
        """Build a group from rows of one task and metric."""
        scores = metric_of_row(rows[0].metric)[1].row_scores(rows)
        optional = [column.name for column in scores if column.optional]
        known = sum(any(column in row.values for column in optional) for row in rows)
        return cls(rows[0].task, name, len(rows), scores, known)


class RankedImage(NamedTuple):
    """One image of a task with its rank value.

    Args:
        rows: Rows of the image from the task's judge.
        goodness: Value by which images of the same task are ranked; higher is better.
    """

    rows: list[ResultRow]
    goodness: float


def by_target(rows: Iterable[ResultRow]) -> list[Group]:
    """Group the rows of each task and metric by target: foreground class, true class, box class or point."""
    groups: dict[tuple[str, str, str], list[ResultRow]] = {}
    for row in rows:
        groups.setdefault((row.task, row.metric, row.target), []).append(row)
    return [Group.of(name, group) for (_, _, name), group in groups.items()]


def by_size(rows: Iterable[ResultRow]) -> list[Group]:
    """Group the rows of each task and metric by the target's fraction of the image area, if rows hold it."""
    groups: dict[tuple[str, str], dict[str, list[ResultRow]]] = {}
    for row in rows:
        if 'size' in row.values:
            groups.setdefault((row.task, row.metric), {}).setdefault(size_bin(row['size']), []).append(row)
    return [Group.of(name, bins[name]) for bins in groups.values() for name, _ in SIZE_BINS if name in bins]


def size_bin(size: float) -> str:
    """Return the name of the bin of a target's fraction of the image area."""
    return SIZE_BINS[0][0] if size == 0 else next(name for name, end in SIZE_BINS[1:] if size < end)


def ranked(rows: Iterable[ResultRow]) -> dict[str, list[RankedImage]]:
    """Sort the images of each task by its judge (:meth:`TaskMetric.rank_by`), the worst first.

    Equal images are sorted by ``img_id``.

    Args:
        rows: Rows of all images; the rows of a task's judge come first.
    """
    found: dict[str, list[RankedImage]] = {}
    for (task, name), images in rows_by_image(rows).items():
        if task not in found:
            rank_by = metric_of_row(name)[1].rank_by
            ordered = sorted(((*rank_by(of_image), of_image[0].img_id), of_image) for of_image in images)
            found[task] = [RankedImage(of_image, key[0]) for key, of_image in ordered]
    return found
