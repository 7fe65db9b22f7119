from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform

from aurora_mm.datasets.geometry import FIT_MODES, fit_matrix
from aurora_mm.datasets.transforms.geometry_state import compose, require_unwarped
from aurora_mm.errors import ConfigError
from aurora_mm.registry import TRANSFORMS

_MULTIPLE = 32  # the encoder's patch of 16 pixels times its 2 x 2 merge


@TRANSFORMS.register_module()
class FitToSize(BaseTransform):
    """Compose the fit to the network's input onto ``homography_matrix`` and set ``img_shape``; ApplyGeometry warps.

    Args:
        size: Of the network's input in pixels: one side of a square, or (height, width); multiples of 32.
        mode: ``'squash'`` or ``'letterbox'``, see :func:`~aurora_mm.datasets.geometry.fit_matrix`.

    Raises:
        ConfigError: If the size or the mode is none that can be had.
    """

    def __init__(self, size: int | tuple[int, int] = 448, mode: str = 'squash') -> None:
        self.size = (size, size) if isinstance(size, int) else (size[0], size[1])
        self.mode = mode
        if any(side <= 0 or side % _MULTIPLE for side in self.size):
            raise ConfigError(f'FitToSize: sides must be positive multiples of {_MULTIPLE}, not {size}')
        if mode not in FIT_MODES:
            raise ConfigError(f'FitToSize: mode {mode!r} is none of {", ".join(FIT_MODES)}')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        require_unwarped(results, self)
        compose(results, fit_matrix(results['img_shape'], self.size, self.mode))
        results['img_shape'] = self.size
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size}, mode={self.mode!r})'
