from __future__ import annotations

import numpy as np

from aurora_mm.datasets.transforms.corruptions.corruption import Corruption, decibels
from aurora_mm.datasets.transforms.corruptions.sector import Sector
from aurora_mm.registry import TRANSFORMS

_SHARPNESS = 0.02  # width of the shadow's edges, of the image's width


@TRANSFORMS.register_module()
class Shadow(Corruption):
    """Something reflects all sound, such as bone, gas or lost contact: below it, up to 40 dB are missing.

    The shadow is as wide as a quarter of the sector, with soft edges. It starts in the upper third of the sector, at a
    random place, and reaches to its bottom.
    """

    title = 'shadow'
    unit = '-40 dB on a quarter of the width'
    most = 40.0

    def change(self, values: np.ndarray, sector: Sector, strength: float, rng: np.random.Generator) -> np.ndarray:
        """See :meth:`Corruption.change`."""
        width = values.shape[1]
        columns = np.flatnonzero(sector.mask.any(axis=0))
        left, right = int(columns[0]), int(columns[-1]) + 1
        half = (right - left) / 8
        centre = rng.uniform(left + half, right - half)
        start = rng.uniform(0.05, 1 / 3)
        edge = max(_SHARPNESS * width, 1.0)
        across = _smooth_step((half - np.abs(np.arange(width) + 0.5 - centre)) / edge)
        down = _smooth_step((sector.depth - start) / 0.05)
        return decibels(-self.most * strength * down[:, None] * across[None], values)


def _smooth_step(values: np.ndarray) -> np.ndarray:
    """0 up to -1, 1 from 1 on, and a smooth step between them."""
    between = np.clip((values + 1) / 2, 0, 1)
    return between * between * (3 - 2 * between)
