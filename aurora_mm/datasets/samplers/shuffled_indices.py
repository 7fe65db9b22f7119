"""A task's images, drawn one by one."""

from __future__ import annotations

import zlib

import numpy as np


class ShuffledIndices:
    """Endless passes over a task's images, each pass in an order of its own.

    Which image has which place is a function of (seed, task, place) alone, so where a run stands is one number.

    Args:
        name: Of the task. rows: (n,) indices of its images in the data set. seed: Of the run.
    """

    def __init__(self, name: str, rows: np.ndarray, seed: int) -> None:
        self.rows = rows
        self._key = (seed, zlib.crc32(name.encode()))
        self._pass = -1
        self._order = rows

    def __getitem__(self, place: int) -> int:
        """The image at a place, counted from 0 over all passes."""
        turn, offset = divmod(place, len(self.rows))
        if turn != self._pass:  # once in n images: a constant cost for each
            self._order = np.random.default_rng((*self._key, turn)).permutation(self.rows)
            self._pass = turn
        return int(self._order[offset])
