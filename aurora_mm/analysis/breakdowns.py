"""Where a task's score comes from: its classes or points, the size of what was to be found, its worst images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from aurora_mm.evaluation.per_image import TargetResult, rows_by_image

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
        task: Their task. name: What they have in common: the target's name, or the bin of their size.
        number: How many. scores: Mean of each metric that their type has.
    """

    task: str
    name: str
    number: int
    scores: dict[str, float]


class Case(NamedTuple):
    """One image of a task.

    Args:
        rows: Its rows of the table. goodness: More is better; comparable within its task alone.
    """

    rows: list[TargetResult]
    goodness: float


def by_target(rows: Iterable[TargetResult]) -> list[Group]:
    """A group for each foreground class, true class, box class or point of each task, in the table's order."""
    groups: dict[tuple[str, str], list[TargetResult]] = {}
    for row in rows:
        groups.setdefault((row.task, row.target), []).append(row)
    return [Group(task, name, len(group), _means(group)) for (task, name), group in groups.items()]


def by_size(rows: Iterable[TargetResult]) -> list[Group]:
    """A group for each bin of size that occurs in each segmentation and detection task, small to large."""
    groups: dict[str, dict[str, list[TargetResult]]] = {}
    for row in rows:
        if row.size is not None:
            groups.setdefault(row.task, {}).setdefault(size_bin(row.size), []).append(row)
    return [
        Group(task, name, len(bins[name]), _means(bins[name]))
        for task, bins in groups.items()
        for name, _ in SIZE_BINS
        if name in bins
    ]


def size_bin(size: float) -> str:
    """The name of the bin of a target's share of the image."""
    return SIZE_BINS[0][0] if size == 0 else next(name for name, end in SIZE_BINS[1:] if size < end)


def ranked(rows: Iterable[TargetResult]) -> dict[str, list[Case]]:
    """The images of each task, worst first; of equal ones the one with the lowest ``img_id``.

    What counts is the mean DSC (then HD) over an image's classes, the IoU, minus the mean error of its points in image
    diagonals, or the probability of the true class.
    """
    return {
        task: [Case(of_image, key[0]) for key, of_image in sorted(((_goodness(r), r) for r in images), key=_order)]
        for task, images in rows_by_image(rows).items()
    }


def _order(item: tuple[tuple[float, float], list[TargetResult]]) -> tuple[float, float, int]:
    return (*item[0], item[1][0].img_id)


def _goodness(rows: Sequence[TargetResult]) -> tuple[float, float]:
    """What an image is ranked by, and what settles a tie."""
    first = rows[0]
    if first.type == 'segmentation':
        return _mean(rows, 'DSC'), -_mean(rows, 'HD')
    if first.type == 'landmark':
        return -_mean(rows, 'error') / math.hypot(first.height, first.width), 0.0
    if first.type == 'detection':
        return _mean(rows, 'IoU'), 0.0
    return float(np.array(first.probs)[np.array(first.truth)]), 0.0


def _means(rows: Sequence[TargetResult]) -> dict[str, float]:
    """The mean of each metric of the rows' type."""
    if rows[0].type == 'classification':
        return {'Recall': float(np.mean([row.truth == row.pred for row in rows]))}
    names = {'segmentation': ('DSC', 'HD', 'HD95', 'NSD'), 'detection': ('IoU',), 'landmark': ('error',)}
    return {name: _mean(rows, name) for name in names[rows[0].type]}


def _mean(rows: Sequence[TargetResult], column: str) -> float:
    return float(np.mean([getattr(row, column) for row in rows]))
