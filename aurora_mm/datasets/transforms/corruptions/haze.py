from __future__ import annotations

import cv2
import numpy as np

from aurora_mm.datasets.transforms.corruptions.corruption import DYNAMIC_RANGE, Corruption
from aurora_mm.datasets.transforms.corruptions.sector import Sector
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class Haze(Corruption):
    """Clutter of reverberations lies over the image: an amplitude is added to that of the echoes.

    The haze is brightest at the top, up to 16 dB below white, falls by 20 dB to the bottom of the sector, and varies
    smoothly by up to 6 dB. Amplitudes are added, so that dark regions are veiled and bright ones hardly change. The
    amplitude of the haze grows with the square of the strength.
    """

    title = 'haze'
    unit = '16 dB below white at the top'
    most = -16.0

    def change(self, values: np.ndarray, sector: Sector, strength: float, rng: np.random.Generator) -> np.ndarray:
        """See :meth:`Corruption.change`."""
        height, width = values.shape[:2]
        # A few random values, enlarged: clouds of about a quarter of the picture.
        clouds = cv2.resize(rng.uniform(0.5, 1, (4, 4)), (width, height), interpolation=cv2.INTER_CUBIC)
        haze = 10 ** (self.most / 20) * strength**2 * np.clip(clouds, 0.5, 1) * 10 ** (-sector.depth[:, None])
        amplitude = 10 ** (DYNAMIC_RANGE / 20 * (values / 255 - 1))
        total = amplitude + (haze[..., None] if values.ndim == 3 else haze)
        return 255 * (1 + np.log10(total) * 20 / DYNAMIC_RANGE)
