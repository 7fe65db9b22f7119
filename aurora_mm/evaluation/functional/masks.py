"""Label masks of another size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def resize_mask(mask: NDArray[np.integer], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """A label mask at another size, by nearest neighbour.

    Args:
        mask: (H, W) class indices in 0..255.
        shape: (height, width) wanted.

    Returns:
        ``shape`` class indices.
    """
    source = np.ascontiguousarray(mask, dtype=np.uint8)
    if source.shape == tuple(shape):
        return source
    height, width = shape
    return np.asarray(cv2.resize(source, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
