from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

from aurora_mm.datasets.transforms.option_checks import check_count, check_number
from aurora_mm.errors import ConfigError
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomPatchMask(BaseTransform):
    """Mask random cells of the image that show tissue, for masked image modelling.

    The black background around the sector of an ultrasound image can be predicted without having learned anything. A
    cell is background if fewer than ``min_share`` of its pixels are brighter than ``level``; it is never masked.

    Sets:
        mask (np.ndarray): (h / patch_size, w / patch_size) bool, which cells are masked.

    Args:
        patch_size: Side of a cell in pixels. It must divide the image, and be a multiple of the encoder's patches.
        ratio: Share of the cells with tissue that are masked, rounded up.
        level: Grey level, 0 to 255, above which a pixel counts as tissue.
        min_share: Smallest share of such pixels in a cell with tissue. 0 takes every cell.

    Raises:
        ConfigError: If an argument is out of range, or ``patch_size`` does not divide the image.
    """

    def __init__(self, patch_size: int = 32, ratio: float = 0.6, level: float = 8, min_share: float = 0.05) -> None:
        self.patch_size = check_count(self, 'patch_size', patch_size)
        self.ratio = check_number(self, 'ratio', ratio, high=1, positive=True)
        self.level = check_number(self, 'level', level, high=255)
        self.min_share = check_number(self, 'min_share', min_share, high=1)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        image = results['img']
        if image.shape[0] % self.patch_size or image.shape[1] % self.patch_size:
            raise ConfigError(
                f'RandomPatchMask: an image of {image.shape[0]} x {image.shape[1]} pixels has no whole number of cells '
                f'of {self.patch_size}'
            )
        tissue = np.flatnonzero(tissue_cells(image, self.patch_size, self.level, self.min_share))
        mask = np.zeros((image.shape[0] // self.patch_size, image.shape[1] // self.patch_size), dtype=bool)
        chosen = np.random.permutation(tissue)[: int(np.ceil(self.ratio * len(tissue)))]
        mask.flat[chosen] = True
        results['mask'] = mask
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(patch_size={self.patch_size}, ratio={self.ratio}, level={self.level}, '
            f'min_share={self.min_share})'
        )


def tissue_cells(image: NDArray[np.uint8], patch_size: int, level: float, min_share: float) -> NDArray[np.bool_]:
    """Return which cells of an image show tissue.

    Args:
        image: (h, w, 3) or (h, w), whose sides are multiples of ``patch_size``.
        patch_size: Side of a cell in pixels.
        level: Grey level above which a pixel counts; of colours, the brightest channel.
        min_share: Smallest share of such pixels in a cell.

    Returns:
        (h / patch_size, w / patch_size) bool.
    """
    bright = image > level if image.ndim == 2 else (image > level).any(axis=2)
    rows, columns = bright.shape[0] // patch_size, bright.shape[1] // patch_size
    shares = bright.reshape(rows, patch_size, columns, patch_size).mean(axis=(1, 3))
    return shares >= min_share
