"""Boundary pixels of masks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The set pixels (H, W) with an unset one above, below, left or right of them, or on the image's edge."""
    inner = cv2.erode(_bytes(mask), _CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
    return mask & (np.asarray(inner) == 0)


def bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The smallest window that holds every set pixel of a mask (H, W); at least one is set."""
    x, y, width, height = cv2.boundingRect(_bytes(mask))
    return slice(y, y + height), slice(x, x + width)


def nonzero_xy(mask: NDArray[np.bool_]) -> NDArray[np.integer]:
    """(N, 2) x, y of the set pixels of a mask (H, W)."""
    # Several times as fast as argwhere and OpenCV's findNonZero where few are set.
    y, x = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return np.stack([x, y], axis=1)


def _bytes(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A mask as OpenCV takes it."""
    return np.ascontiguousarray(mask).view(np.uint8)
