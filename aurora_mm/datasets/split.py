"""Splits rows into train, val and test, with all rows of an image or a patient in the same split."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from aurora_mm.data_root import SIDES
from aurora_mm.errors import ConfigError

_NOWHERE = -1


def split_rows(
    tasks: np.ndarray,
    groups: np.ndarray,
    group_names: Callable[[np.ndarray], Sequence[str]],
    strata: np.ndarray,
    ratios: Mapping[str, float],
    seed: int,
) -> np.ndarray:
    """Split the rows of each task into train, val and test, by group and stratified.

    Tasks are split in order, and within a task the strata in increasing order. All rows of a group are in the same
    split, also across tasks, so groups of earlier tasks are already assigned. The remaining groups, in a random order
    given by ``seed``, are assigned to test, then to val, until their quotas are filled, and the rest to train. The
    quotas of the strata of a task sum to ``round(ratio * number of rows)``. A group with many rows is assigned to test
    or val if this brings the number of rows closer to the quota, so a task with few large groups may miss it.

    The result does not depend on the order of the rows or on the process.

    Args:
        tasks: (N,) int, place of each row's task in the order in which tasks are split.
        groups: (N,) int, number of the group of each row, such as an image or a patient.
        group_names: Takes (M,) indices of rows, and returns the names of their groups, which give the random order.
        strata: (N,) int, class of each row in a classification task, 0 otherwise.
        ratios: Fraction of the rows in each of :data:`SIDES`, summing to 1.
        seed: Random seed.

    Returns:
        (N,) int8, the place in :data:`SIDES` of the split of each row.

    Raises:
        ConfigError: If a name in ``ratios`` is unknown, a ratio is not in [0, 1], or they do not sum to 1.
    """
    _check_ratios(ratios)
    side_of = np.full(int(groups.max(initial=-1)) + 1, _NOWHERE, np.int8)
    for task in np.unique(tasks):
        rows = np.flatnonzero(tasks == task)
        seen = 0
        for stratum in np.unique(strata[rows]):
            members = rows[strata[rows] == stratum]
            before, seen = seen, seen + len(members)
            quotas = {
                # Rounding the running total makes the quotas of the strata sum to the quota of the task.
                SIDES.index(side): round(ratios.get(side, 0.0) * seen) - round(ratios.get(side, 0.0) * before)
                for side in ('test', 'val')
            }
            found, first, sizes = np.unique(groups[members], return_index=True, return_counts=True)
            _place(found, sizes, lambda new: group_names(members[first[new]]), quotas, seed, side_of)  # noqa: B023
    return side_of[groups]


def split_indices(
    tasks: Sequence[str],
    groups: Sequence[str],
    strata: Sequence[int],
    ratios: Mapping[str, float],
    seed: int,
    task_order: Sequence[str],
) -> dict[str, list[int]]:
    """Split rows whose tasks and groups are given by name, see :func:`split_rows`.

    Args:
        tasks: (N,) task of each row.
        groups: (N,) group of each row. Equal text in two tasks is one group.
        strata: (N,) class of each row in a classification task, 0 otherwise.
        ratios: Fraction of the rows in each of :data:`SIDES`, summing to 1.
        seed: Random seed.
        task_order: Names of all tasks, in the order in which they are split.

    Returns:
        Increasing indices of the rows of each split.

    Raises:
        ConfigError: See :func:`split_rows`.
    """
    place = {task: number for number, task in enumerate(task_order)}
    number = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    sides = split_rows(
        np.array([place[task] for task in tasks], np.int64),
        np.array([number[group] for group in groups], np.int64),
        lambda rows: [groups[row] for row in rows.tolist()],
        np.array(strata, np.int64),
        ratios,
        seed,
    )
    return {side: np.flatnonzero(sides == number).tolist() for number, side in enumerate(SIDES)}


def _place(
    groups: np.ndarray,
    sizes: np.ndarray,
    names: Callable[[np.ndarray], Sequence[str]],
    quotas: Mapping[int, int],
    seed: int,
    side_of: np.ndarray,
) -> None:
    """Assign each group of a stratum, given with its number of rows, to a split in ``side_of``, unless it has one."""
    filled = [int(sizes[side_of[groups] == side].sum()) for side in range(len(SIDES))]
    new = np.flatnonzero(side_of[groups] == _NOWHERE)
    order = sorted((_rank(seed, name), name, place) for name, place in zip(names(new), new.tolist(), strict=True))
    train = SIDES.index('train')
    for _, _, place in order:
        size = int(sizes[place])
        side = next((s for s, quota in quotas.items() if filled[s] + size / 2 <= quota), train)
        side_of[groups[place]] = side
        filled[side] += size


def _rank(seed: int, group: str) -> bytes:
    return hashlib.blake2b(f'{seed}:{group}'.encode(), digest_size=8).digest()


def _check_ratios(ratios: Mapping[str, float]) -> None:
    for side, ratio in ratios.items():
        if side not in SIDES:
            raise ConfigError(f'ratios name {side!r}, which is none of {", ".join(SIDES)}')
        if not 0 <= ratio <= 1:
            raise ConfigError(f'the ratio of {side!r} must lie in 0..1, not at {ratio}')
    if abs(sum(ratios.values()) - 1) > 1e-6:
        raise ConfigError(f'ratios must sum to 1, not to {sum(ratios.values())}: {dict(ratios)}')
