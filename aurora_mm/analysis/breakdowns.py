"""Where a task's score comes from: its classes or points, the size of what was to be found, its worst images."""

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
"""Bins of a target's share of the image: name and the end that is no longer in it; 'absent' is 0 alone."""


class Group(NamedTuple):
    """Some of a task's targets together.

    Args:
        task: Their task.
        name: What they have in common: the target's name, or the bin of their size.
        number: How many they are.
        scores: The mean of each number that the metric has of a target.
    """

    task: str
    name: str
    number: int
    scores: dict[Column, float]

    @classmethod
    def of(cls, name: str, rows: list[ResultRow]) -> Group:
        """Puts rows of one task and metric together."""
        return cls(rows[0].task, name, len(rows), metric_of_row(rows[0].metric)[1].row_scores(rows))


class RankedImage(NamedTuple):
    """One image of a task, as its judging metric saw it.

    Args:
        rows: Of the image.
        goodness: What it is ranked by, the higher the better; comparable within its task alone.
    """

    rows: list[ResultRow]
    goodness: float


def by_target(rows: Iterable[ResultRow]) -> list[Group]:
    """Groups the rows of each task and metric by target: foreground class, true class, box class or point."""
    groups: dict[tuple[str, str, str], list[ResultRow]] = {}
    for row in rows:
        groups.setdefault((row.task, row.metric, row.target), []).append(row)
    return [Group.of(name, group) for (_, _, name), group in groups.items()]


def by_size(rows: Iterable[ResultRow]) -> list[Group]:
    """Groups the rows of each task and metric that tell it by the target's share of the image, small to large."""
    groups: dict[tuple[str, str], dict[str, list[ResultRow]]] = {}
    for row in rows:
        if 'size' in row.values:
            groups.setdefault((row.task, row.metric), {}).setdefault(size_bin(row['size']), []).append(row)
    return [Group.of(name, bins[name]) for bins in groups.values() for name, _ in SIZE_BINS if name in bins]


def size_bin(size: float) -> str:
    """The name of the bin of a target's share of the image."""
    return SIZE_BINS[0][0] if size == 0 else next(name for name, end in SIZE_BINS[1:] if size < end)


def ranked(rows: Iterable[ResultRow]) -> dict[str, list[RankedImage]]:
    """Orders the images of each task by its judging metric (:meth:`TaskMetric.rank_by`), worst first.

    Of equal ones the one with the lowest ``img_id`` comes first.

    Args:
        rows: Of each task the judging metric's come first.
    """
    found: dict[str, list[RankedImage]] = {}
    for (task, name), images in rows_by_image(rows).items():
        if task not in found:
            rank_by = metric_of_row(name)[1].rank_by
            ordered = sorted(((*rank_by(of_image), of_image[0].img_id), of_image) for of_image in images)
            found[task] = [RankedImage(of_image, key[0]) for key, of_image in ordered]
    return found
