"""Overlap of two masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def dice(pred: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice similarity coefficient, ``2 |P and T| / (|P| + |T|)``.

    Args:
        pred: (H, W) predicted mask.
        truth: (H, W) true mask.

    Returns:
        A fraction in [0, 1]; 1 if both masks are empty.

    Raises:
        ValueError: If the shapes differ.
    """
    if pred.shape != truth.shape:
        raise ValueError(f'masks of shapes {pred.shape} and {truth.shape} cannot be compared')
    total = int(np.count_nonzero(pred)) + int(np.count_nonzero(truth))
    if total == 0:
        return 1.0
    return 2 * int(np.count_nonzero(pred & truth)) / total
