"""Hausdorff distance of two masks."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray


def hausdorff_distance(pred: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Hausdorff distance between the pixel sets of two masks: the largest distance from a pixel of one to the other.

    All pixels of a mask count, not its outline alone: a hole in one mask that the other fills is felt. Exact below
    2,000 pixels; the relative error beyond is 1e-7.

    Args:
        pred: (H, W) predicted mask.
        truth: (H, W) true mask.

    Returns:
        Pixels. 0 if both masks are empty; the image diagonal ``sqrt(H^2 + W^2)`` if just one is.

    Raises:
        ValueError: If the shapes differ.
    """
    if pred.shape != truth.shape:
        raise ValueError(f'masks of shapes {pred.shape} and {truth.shape} cannot be compared')
    if not pred.any() and not truth.any():
        return 0.0
    if not pred.any() or not truth.any():
        return math.hypot(*pred.shape)
    box = _bounding_box(pred | truth)
    pred, truth = pred[box], truth[box]
    return max(_directed(pred, truth), _directed(truth, pred))


def _bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The smallest window that holds every set pixel; distances between set pixels do not change inside it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _directed(source: NDArray[np.bool_], target: NDArray[np.bool_]) -> float:
    """The largest distance in pixels from a set pixel of ``source`` to the nearest one of ``target``."""
    if not (source & ~target).any():
        return 0.0
    to_target = cv2.distanceTransform((~target).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    farthest = float(to_target[source].max())
    # Squared pixel distances are whole numbers: rounding takes away the error of OpenCV's single precision.
    return math.sqrt(round(farthest**2))
