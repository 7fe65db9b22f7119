"""An endless shuffled sequence of images."""

from __future__ import annotations

import zlib

import numpy as np


class ShuffledIndices:
    """Endless sequence of the images of one kind, shuffled again after each pass over all of them.

    The image at a position only depends on the arguments and the position. The number of images drawn so far is
    therefore enough to continue the sequence.

    With ``shards``, each pass goes through the shards in random order, a window of them at a time: it shuffles the
    images of the first ``window`` shards, then those of the next ones, and so on. Few shards are then needed at once.

    Legend: n images.

    Args:
        name: Name of the kind, which is mixed into the seed.
        indices: (n,) indices of the images in the data set.
        seed: Random seed of the run.
        shards: (n,) the shard that each image is in. None shuffles all images together.
        window: Number of shards whose images are shuffled together.
    """

    def __init__(
        self, name: str, indices: np.ndarray, seed: int, shards: np.ndarray | None = None, window: int = 1
    ) -> None:
        self.indices = indices
        self._key = (seed, zlib.crc32(name.encode()))
        self._pass = -1
        self._order = indices
        self._shard = None if shards is None else np.unique(shards, return_inverse=True)[1]  # numbered from 0
        self._window = window

    def __getitem__(self, position: int) -> int:
        """Return the image at a position, counted from 0 over all passes."""
        number, offset = divmod(position, len(self.indices))
        if number != self._pass:  # only once in n images
            self._order = self._shuffled(np.random.default_rng((*self._key, number)))
            self._pass = number
        return int(self._order[offset])

    def _shuffled(self, rng: np.random.Generator) -> np.ndarray:
        if self._shard is None:
            return rng.permutation(self.indices)
        window_of_shard = rng.permutation(int(self._shard.max()) + 1) // self._window
        places = rng.permutation(len(self.indices))
        return self.indices[places[np.argsort(window_of_shard[self._shard[places]], kind='stable')]]
