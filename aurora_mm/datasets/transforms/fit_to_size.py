from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform

from aurora_mm.datasets.geometry import FIT_MODES, SIZE_MULTIPLE, fit_matrix
from aurora_mm.datasets.transforms.geometry_state import compose, require_unwarped
from aurora_mm.errors import ConfigError
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class FitToSize(BaseTransform):
    """Scale the image to the size of the network input.

    Only ``homography_matrix`` and ``img_shape`` change. ApplyGeometry warps the image later.

    Args:
        size: Size of the network input in pixels, (height, width) or one side of a square. Multiples of 32.
        mode: ``'squash'`` or ``'letterbox'``, see :func:`~aurora_mm.datasets.geometry.fit_matrix`.

    Raises:
        ConfigError: If a side is not a positive multiple of 32, the mode is unknown, or the image was already warped.
    """

    def __init__(self, size: int | tuple[int, int] = 448, mode: str = 'squash') -> None:
        self.size = (size, size) if isinstance(size, int) else (size[0], size[1])
        self.mode = mode
        if any(side <= 0 or side % SIZE_MULTIPLE for side in self.size):
            raise ConfigError(f'FitToSize: sides must be positive multiples of {SIZE_MULTIPLE}, not {size}')
        if mode not in FIT_MODES:
            raise ConfigError(f'FitToSize: mode {mode!r} is none of {", ".join(FIT_MODES)}')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        require_unwarped(results, self)
        compose(results, fit_matrix(results['img_shape'], self.size, self.mode))
        results['img_shape'] = self.size
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size}, mode={self.mode!r})'
