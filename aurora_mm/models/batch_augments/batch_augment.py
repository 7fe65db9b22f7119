from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from aurora_mm.errors import ConfigError


class BatchAugment(ABC):
    """The base of augmentations that mix two images by a fraction drawn from Beta(alpha, alpha).

    Args:
        alpha: Parameter of the distribution, above 0. With 1 all fractions are equally likely; the smaller it is, the
            closer the fraction is to 0 or 1.

    Raises:
        ConfigError: If ``alpha`` is not above 0.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        if not alpha > 0:  # NaN too
            raise ConfigError(f'alpha of {type(self).__name__} must be above 0; it is {alpha}')
        self.alpha = alpha

    @abstractmethod
    def mix(self, image: Tensor, other: Tensor) -> tuple[Tensor, float]:
        """Mix two images.

        Args:
            image: ``(C, H, W)``, normalised.
            other: ``(C, H, W)``, normalised.

        Returns:
            The mixed image, ``(C, H, W)``, and the fraction of ``image`` in it, in [0, 1].
        """
