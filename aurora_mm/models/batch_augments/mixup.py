from __future__ import annotations

import numpy as np
from torch import Tensor

from aurora_mm.errors import ConfigError
from aurora_mm.registry import MODELS


@MODELS.register_module()
class Mixup:
    """Blend two images, see `mixup <https://arxiv.org/abs/1710.09412>`_.

    The result is ``fraction * image + (1 - fraction) * other``.

    Args:
        alpha: Parameter of the distribution Beta(alpha, alpha) that the fraction is drawn from, above 0. With 1 all
            fractions are equally likely; the smaller it is, the closer the fraction is to 0 or 1.

    Raises:
        ConfigError: If ``alpha`` is not above 0.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        if not alpha > 0:  # NaN too
            raise ConfigError(f'alpha of Mixup must be above 0; it is {alpha}')
        self.alpha = alpha

    def mix(self, image: Tensor, other: Tensor) -> tuple[Tensor, float]:
        """Mix two images.

        Args:
            image: ``(C, H, W)``, normalised.
            other: ``(C, H, W)``, normalised.

        Returns:
            The mixed image, ``(C, H, W)``, and the fraction of ``image`` in it, in [0, 1].
        """
        fraction = float(np.random.beta(self.alpha, self.alpha))
        return fraction * image + (1 - fraction) * other, fraction
