"""The index of an item that also says how its augmentation is drawn."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


class SeededIndex(int):
    """The index of an item of a data set, with the seed of its random transforms.

    A sampler gives such indices, and a data set reads them with :func:`seeded_by`. So an item is augmented the same
    whatever process does it, and whatever was augmented before.

    Args:
        index: Of the item.
        seed: Whole numbers that tell this draw from all others, such as the run's seed, the epoch and the place in it.
    """

    seed: tuple[int, ...]

    def __new__(cls, index: int, seed: tuple[int, ...]) -> SeededIndex:
        made = super().__new__(cls, index)
        made.seed = seed
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return SeededIndex, (int(self), self.seed)


@contextmanager
def seeded_by(index: int) -> Iterator[None]:
    """Seed Python, NumPy and torch by a :class:`SeededIndex`; afterwards their states are as before.

    With a plain index nothing happens.
    """
    if not isinstance(index, SeededIndex):
        yield
        return
    # The transforms draw from NumPy's global state, as mmcv's do.
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    first, second, third = np.random.SeedSequence(index.seed).generate_state(3).tolist()
    random.seed(first)
    np.random.seed(second)  # noqa: NPY002
    torch.default_generator.manual_seed(third)  # of the CPU alone
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])
