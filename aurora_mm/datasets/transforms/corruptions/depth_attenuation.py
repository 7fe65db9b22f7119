from __future__ import annotations

import numpy as np

from aurora_mm.datasets.transforms.corruptions.corruption import Corruption, decibels
from aurora_mm.datasets.transforms.corruptions.sector import Sector
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class DepthAttenuation(Corruption):
    """Tissue attenuates more than the time gain compensates: up to 30 dB are lost at the bottom of the sector.

    The loss grows linearly with depth, as tissue attenuates by a constant number of decibels a centimetre (about
    0.5 dB / cm / MHz one way): 30 dB are those of 6 cm of tissue at 5 MHz, there and back.
    """

    title = 'depth attenuation'
    unit = '-30 dB at the bottom'
    most = 30.0

    def change(self, values: np.ndarray, sector: Sector, strength: float, rng: np.random.Generator) -> np.ndarray:
        """See :meth:`Corruption.change`."""
        return decibels(-self.most * strength * sector.depth[:, None], values)
