"""Means of many resamples at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def weighted_mean(values: NDArray[np.floating], weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute the mean over images in each of R resamples.

    Args:
        values: Values of N images, (N,) or (N, K).
        weights: How often each resample contains each image, (R, N).

    Returns:
        Means (R,) or (R, K).
    """
    total = weights.sum(axis=1)
    return np.asarray(weights @ values / (total if values.ndim == 1 else total[:, None]), np.float64)


def weighted_mean_of_known(values: NDArray[np.floating], weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute the mean over the images that have a value, in each of R resamples.

    Args:
        values: Values of N images, (N,) or (N, K); nan where an image has none.
        weights: How often each resample contains each image, (R, N).

    Returns:
        Means (R,) or (R, K); nan where a resample contains no image that has a value.
    """
    is_known = ~np.isnan(values)
    count = weights @ is_known
    total = weights @ np.where(is_known, values, 0.0)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
