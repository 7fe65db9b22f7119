"""Groups of images dealt out to folds, so that every fold has its part of each task and class."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Mapping

from aurora_mm.errors import ConfigError


def assign_folds(rows_of: Mapping[str, Counter[Hashable]], folds: int, seed: int) -> dict[str, int]:
    """A fold for each group, the largest groups first, each to the fold that lacks most of what the group has.

    Of folds that lack as much, the smallest takes the group. The outcome depends neither on the order of the groups nor
    on the process.

    Args:
        rows_of: For each group, the number of its rows by stratum, such as (task, class).
        folds: How many, 2 or more.
        seed: Another seed gives other folds.

    Raises:
        ConfigError: If there are fewer groups than folds.
    """
    if folds < 2 or len(rows_of) < folds:
        raise ConfigError(f'{len(rows_of)} groups of images cannot make {folds} folds')
    total: Counter[Hashable] = Counter()
    for rows in rows_of.values():
        total.update(rows)
    filled: list[Counter[Hashable]] = [Counter() for _ in range(folds)]
    fold_of = {}
    for group in sorted(rows_of, key=lambda group: (-sum(rows_of[group].values()), _rank(seed, group))):
        rows = rows_of[group]

        def lack(fold: int, rows: Counter[Hashable] = rows) -> tuple[float, int, int]:
            part = sum(rows[s] * (filled[fold][s] - total[s] / folds) / total[s] for s in rows)
            return part, sum(filled[fold].values()), fold

        fold_of[group] = min(range(folds), key=lack)
        filled[fold_of[group]].update(rows)
    return fold_of


def _rank(seed: int, group: str) -> bytes:
    return hashlib.blake2b(f'{seed}:{group}'.encode(), digest_size=8).digest()
