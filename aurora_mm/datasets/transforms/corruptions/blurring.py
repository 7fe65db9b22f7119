from __future__ import annotations

import cv2
import numpy as np

from aurora_mm.datasets.transforms.corruptions.corruption import Corruption
from aurora_mm.datasets.transforms.corruptions.sector import Sector
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class UltrasoundBlur(Corruption):
    """The focus is lost: the image is blurred by a Gaussian, across the beams twice as much as along them.

    Its standard deviation across is up to 1.5 % of the image's larger side. What lies outside of the sector does not
    flow into it: the weights of the sector's pixels are normalised.
    """

    title = 'blur'
    unit = 'sigma 1.5 % of the side'
    most = 0.015

    def change(self, values: np.ndarray, sector: Sector, strength: float, rng: np.random.Generator) -> np.ndarray:
        """See :meth:`Corruption.change`."""
        sigma = self.most * strength * max(values.shape[:2])
        weights = sector.mask.astype(np.float32)
        inside = values * (weights[..., None] if values.ndim == 3 else weights)
        blurred, total = (cv2.GaussianBlur(plane, (0, 0), sigma, sigmaY=sigma / 2) for plane in (inside, weights))
        total = np.maximum(total, 1e-6)
        return blurred / (total[..., None] if values.ndim == 3 else total)
