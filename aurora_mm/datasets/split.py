"""A split into train, validation and test that keeps an image, or a patient, on one side in every task."""

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
    """Split rows within each task, by group and evenly over the strata.

    Tasks are gone through in ``task_order`` and their strata in increasing order. A group that an earlier task placed
    stays where it is; the others, in an order hashed from ``seed``, fill up the test and the validation quota and
    then train. The quotas of a task's strata sum to ``round(ratio * rows of the task)``. A group of many rows is
    placed where it brings the count nearer to its quota, so a task of few large groups can miss it.

    The outcome depends neither on the order of the rows nor on the process.

    Args:
        tasks: (N,) the task of each row.
        groups: (N,) what must not be torn apart: image path or patient. The same text in two tasks is one group.
        strata: (N,) class of each row in a classification task, 0 elsewhere.
        ratios: Part of each side in :data:`SIDES`; they sum to 1.
        seed: Another seed gives another split.
        task_order: Each task once.

    Returns:
        Row numbers of each side, increasing.

    Raises:
        ConfigError: If the ratios make no split.
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
                # Rounding the running total keeps the sum over strata at the task's own quota.
                side: round(ratios.get(side, 0.0) * seen) - round(ratios.get(side, 0.0) * before)
                for side in ('test', 'val')
            }
            _place(Counter(members), quotas, seed, side_of)
    sides: dict[str, list[int]] = {side: [] for side in SIDES}
    for row, group in enumerate(groups):
        sides[side_of[group]].append(row)
    return sides


def _place(sizes: Mapping[str, int], quotas: Mapping[str, int], seed: int, side_of: dict[str, str]) -> None:
    """Give each group of one stratum (by its number of rows) a side in ``side_of``, unless it has one."""
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
