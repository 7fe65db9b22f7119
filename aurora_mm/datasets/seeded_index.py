"""An index with the random seed of its augmentation."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


class SeededIndex(int):
    """Index of an item of a data set, with the seed of its random transforms.

    Samplers yield such indices, and data sets use them with :func:`seeded_by`. The augmentation of an item then does
    not depend on the process or on the items before it.

    Args:
        index: Index of the item.
        seed: Integers that are different for every draw, such as the seed of the run, the epoch and the position.
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
    """Seed the random generators of Python, NumPy and torch within a block, and restore their states after it.

    Args:
        index: A :class:`SeededIndex`. With any other integer the generators are not changed.
    """
    if not isinstance(index, SeededIndex):
        yield
        return
    # The transforms draw from NumPy's global state, as mmcv's do.
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    first, second, third = np.random.SeedSequence(index.seed).generate_state(3).tolist()
    random.seed(first)
    np.random.seed(second)  # noqa: NPY002
    torch.default_generator.manual_seed(third)  # only of the CPU
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])
