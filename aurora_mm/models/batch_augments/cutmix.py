from __future__ import annotations

import numpy as np
from torch import Tensor

from aurora_mm.models.batch_augments.batch_augment import BatchAugment
from aurora_mm.registry import MODELS


@MODELS.register_module()
class CutMix(BatchAugment):
    """Paste a rectangle of one image into another, see `CutMix <https://arxiv.org/abs/1905.04899>`_.

    The rectangle has the proportions of the image and is at the same place in both. The part of it that would be
    outside of the image is cut off.

    Args:
        alpha: See :class:`BatchAugment`. What is drawn is the fraction of the image outside of the whole rectangle.
    """

    def mix(self, image: Tensor, other: Tensor) -> tuple[Tensor, float]:
        """See :meth:`BatchAugment.mix`; the fraction is that of the pixels, counted exactly."""
        height, width = image.shape[-2:]
        side = np.sqrt(1 - np.random.beta(self.alpha, self.alpha))  # of the rectangle, relative to the image
        x1, x2 = _interval(np.random.randint(width), side * width, width)
        y1, y2 = _interval(np.random.randint(height), side * height, height)
        mixed = image.clone()
        mixed[:, y1:y2, x1:x2] = other[:, y1:y2, x1:x2]
        return mixed, 1 - (y2 - y1) * (x2 - x1) / (height * width)


def _interval(centre: int, length: float, size: int) -> tuple[int, int]:
    """Return the first pixel of an interval and the one after its last, both cut to 0 to ``size``."""
    start = centre - round(length) // 2
    return max(start, 0), min(start + round(length), size)
