"""The mean of many resamples at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def weighted_mean(values: NDArray[np.floating], weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean over images in each of R resamples.

    Args:
        values: (N,) or (N, K), of each of N images.
        weights: (R, N) how often each resample holds each image.

    Returns:
        (R,) or (R, K).
    """
    total = weights.sum(axis=1)
    return np.asarray(weights @ values / (total if values.ndim == 1 else total[:, None]), np.float64)
