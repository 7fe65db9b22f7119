from __future__ import annotations

import numpy as np

from aurora_mm.datasets.transforms.corruptions.corruption import Corruption, decibels
from aurora_mm.datasets.transforms.corruptions.sector import Sector
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class Gain(Corruption):
    """The receiver's gain is too high: all echoes are raised by up to 15 dB, and the brightest saturate."""

    title = 'gain'
    unit = '+15 dB'
    most = 15.0

    def change(self, values: np.ndarray, sector: Sector, strength: float, rng: np.random.Generator) -> np.ndarray:
        """See :meth:`Corruption.change`."""
        return decibels(self.most * strength, values)
