from __future__ import annotations

import numpy as np
from torch import Tensor

from aurora_mm.models.batch_augments.batch_augment import BatchAugment
from aurora_mm.registry import MODELS


@MODELS.register_module()
class Mixup(BatchAugment):
    """Blend two images, see `mixup <https://arxiv.org/abs/1710.09412>`_.

    The result is ``fraction * image + (1 - fraction) * other``.

    Args:
        alpha: See :class:`BatchAugment`.
    """

    def mix(self, image: Tensor, other: Tensor) -> tuple[Tensor, float]:
        """See :meth:`BatchAugment.mix`."""
        fraction = float(np.random.beta(self.alpha, self.alpha))
        return fraction * image + (1 - fraction) * other, fraction
