"""Splits rows into train, val and test, with all rows of an image or a patient in the same split."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from aurora_mm.errors import ConfigError

SIDES = ('train', 'val', 'test')


def split_indices(
    tasks: Sequence[str],
    groups: Sequence[str],
    strata: Sequence[int],
    ratios: Mapping[str, float],
    seed: int,
    task_order: Sequence[str],
) -> dict[str, list[int]]:
    """Split the rows of each task into train, val and test, by group and stratified.

    Tasks are split in ``task_order``, and within a task the strata in increasing order. All rows of a group are in the
    same split, also across tasks, so groups of earlier tasks are already assigned. The remaining groups, in a random
    order given by ``seed``, are assigned to test, then to val, until their quotas are filled, and the rest to train.
    The quotas of the strata of a task sum to ``round(ratio * number of rows)``. A group with many rows is assigned to
    test or val if this brings the number of rows closer to the quota, so a task with few large groups may miss it.

    The result does not depend on the order of the rows or on the process.

    Args:
        tasks: (N,) task of each row.
        groups: (N,) group of each row, such as the image path or the patient. Equal text in two tasks is one group.
        strata: (N,) class of each row in a classification task, 0 otherwise.
        ratios: Fraction of the rows in each of :data:`SIDES`, summing to 1.
        seed: Random seed.
        task_order: Names of all tasks.

    Returns:
        Increasing indices of the rows of each split.

    Raises:
        ConfigError: If a name in ``ratios`` is unknown, a ratio is not in [0, 1], or they do not sum to 1.
    """
    _check_ratios(ratios)
    rows_of: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for task, group, stratum in zip(tasks, groups, strata, strict=True):
        rows_of[task][stratum].append(group)
    side_of: dict[str, str] = {}
    for task in task_order:
        seen = 0
        for _, members in sorted(rows_of[task].items()):
            before, seen = seen, seen + len(members)
            quotas = {
                # Rounding the running total makes the quotas of the strata sum to the quota of the task.
                side: round(ratios.get(side, 0.0) * seen) - round(ratios.get(side, 0.0) * before)
                for side in ('test', 'val')
            }
            _place(Counter(members), quotas, seed, side_of)
    sides: dict[str, list[int]] = {side: [] for side in SIDES}
    for row, group in enumerate(groups):
        sides[side_of[group]].append(row)
    return sides


def _place(sizes: Mapping[str, int], quotas: Mapping[str, int], seed: int, side_of: dict[str, str]) -> None:
    """Assign each group of a stratum, given with its number of rows, to a split in ``side_of``, unless it has one."""
    filled = Counter(dict.fromkeys(SIDES, 0))
    for group, size in sizes.items():
        if group in side_of:
            filled[side_of[group]] += size
    for group in sorted(sizes.keys() - side_of.keys(), key=lambda group: (_rank(seed, group), group)):
        size = sizes[group]
        side = next((s for s, quota in quotas.items() if filled[s] + size / 2 <= quota), 'train')
        side_of[group] = side
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
