"""An endless shuffled sequence of images."""

from __future__ import annotations

import zlib

import numpy as np


class ShuffledIndices:
    """Endless sequence of the images of one kind, shuffled again after each pass over all of them.

    The image at a position only depends on the seed, the name and the position. The number of images drawn so far is
    therefore enough to continue the sequence.

    Args:
        name: Name of the kind, which is mixed into the seed.
        indices: (n,) indices of the images in the data set.
        seed: Random seed of the run.
    """

    def __init__(self, name: str, indices: np.ndarray, seed: int) -> None:
        self.indices = indices
        self._key = (seed, zlib.crc32(name.encode()))
        self._pass = -1
        self._order = indices

    def __getitem__(self, position: int) -> int:
        """Return the image at a position, counted from 0 over all passes."""
        number, offset = divmod(position, len(self.indices))
        if number != self._pass:  # only once in n images
            self._order = np.random.default_rng((*self._key, number)).permutation(self.indices)
            self._pass = number
        return int(self._order[offset])
