from __future__ import annotations

import cv2
import numpy as np

from aurora_mm.datasets.transforms.corruptions.corruption import Corruption, decibels
from aurora_mm.datasets.transforms.corruptions.sector import Sector
from aurora_mm.registry import TRANSFORMS

_GRAIN = 1 / 300  # standard deviation of a grain, of the image's larger side
_RAYLEIGH = 5.57  # standard deviation in dB of the amplitude of fully developed speckle, a Rayleigh distribution


@TRANSFORMS.register_module()
class Speckle(Corruption):
    """More speckle: multiplicative noise of the echo's amplitude, which is additive in a log-compressed image.

    The noise is normal with a standard deviation of up to 11 dB, twice that of fully developed speckle (5.57 dB). Its
    grains are ellipses twice as wide as high, because ultrasound resolves better along the beams than across.
    """

    title = 'speckle'
    unit = '11 dB'
    most = 2 * _RAYLEIGH

    def change(self, values: np.ndarray, sector: Sector, strength: float, rng: np.random.Generator) -> np.ndarray:
        """See :meth:`Corruption.change`."""
        height, width = values.shape[:2]
        grain = max(_GRAIN * max(height, width), 0.5)
        noise = cv2.GaussianBlur(rng.standard_normal((height, width), np.float32), (0, 0), 2 * grain, sigmaY=grain)
        return decibels(self.most * strength * noise / noise.std(), values)
