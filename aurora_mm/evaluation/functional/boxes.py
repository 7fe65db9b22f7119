"""Intersection over union of boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def box_iou(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Compute the intersection over union of two boxes.

    Args:
        a: (4,) xyxy in continuous pixels.
        b: (4,) xyxy in the same coordinates.

    Returns:
        IoU in [0, 1]; 0 if neither box has an area. A box with x2 < x1 or y2 < y1 has no area.
    """
    return float(pairwise_iou(np.asarray(a)[None], np.asarray(b)[None])[0, 0])


def pairwise_iou(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute the intersection over union of every box of ``a`` with every box of ``b``.

    Args:
        a: (N, 4) xyxy.
        b: (M, 4) xyxy in the same coordinates.

    Returns:
        IoU (N, M) in [0, 1].
    """
    a, b = a.astype(np.float64)[:, None], b.astype(np.float64)[None]  # (N, 1, 4), (1, M, 4)
    overlap = _area(np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:]))
    union = _area(a[..., :2], a[..., 2:]) + _area(b[..., :2], b[..., 2:]) - overlap
    return np.divide(overlap, union, out=np.zeros_like(union), where=union > 0)


def _area(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the areas (...) of the boxes between the corners ``low`` and ``high``, both (..., 2)."""
    return np.clip(high - low, 0, None).prod(axis=-1)
