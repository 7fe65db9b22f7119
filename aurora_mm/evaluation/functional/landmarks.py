"""Distances between landmarks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def radial_errors(
    pred: NDArray[np.floating], truth: NDArray[np.floating], spacing: tuple[float, float] = (1.0, 1.0)
) -> NDArray[np.float64]:
    """Compute the distance of each predicted point from the true point; their mean over points and images is the MRE.

    Args:
        pred: Predicted points (K, 2), x and y in pixels.
        truth: True points (K, 2) in the same coordinates.
        spacing: (height, width) of a pixel in mm.

    Returns:
        Distances (K,) in the unit of ``spacing``; in pixels without it.

    Raises:
        ValueError: If the shapes differ or are not (K, 2).
    """
    if pred.shape != truth.shape or pred.ndim != 2 or pred.shape[1] != 2:
        raise ValueError(f'points of shapes {pred.shape} and {truth.shape} are not two times (K, 2)')
    return np.asarray(np.linalg.norm((pred.astype(np.float64) - truth) * spacing[::-1], axis=1), np.float64)
