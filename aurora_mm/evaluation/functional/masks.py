"""Overlap and resizing of label masks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def dice(pred: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Compute the Dice similarity coefficient, ``2 |P and T| / (|P| + |T|)``.

    Args:
        pred: (H, W) predicted mask.
        truth: (H, W) true mask.

    Returns:
        DSC in [0, 1]; 1 if both masks are empty.

    Raises:
        ValueError: If the shapes differ.
    """
    if pred.shape != truth.shape:
        raise ValueError(f'masks of shapes {pred.shape} and {truth.shape} cannot be compared')
    total = int(np.count_nonzero(pred)) + int(np.count_nonzero(truth))
    if total == 0:
        return 1.0
    return 2 * int(np.count_nonzero(pred & truth)) / total


def resize_mask(mask: NDArray[np.integer], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize a label mask by nearest neighbour interpolation.

    Args:
        mask: Class indices (H, W) in 0..255.
        shape: Height and width of the result in pixels.

    Returns:
        Class indices of the given shape.
    """
    source = np.ascontiguousarray(mask, dtype=np.uint8)
    if source.shape == tuple(shape):
        return source
    height, width = shape
    return np.asarray(cv2.resize(source, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
