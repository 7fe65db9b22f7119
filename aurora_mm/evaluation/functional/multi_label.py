"""Scores of one class that images have or do not have, for many resamples at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def average_precision_of_label(truth: NDArray[np.bool_], scores: Floats, weights: Floats) -> Floats:
    """Compute the average precision, as ``sklearn.metrics.average_precision_score`` does.

    Args:
        truth: Whether each of N images has the class, (N,).
        scores: Predicted score of each image, (N,).
        weights: (R, N), how often each of R resamples contains each image.

    Returns:
        (R,) in [0, 1]; nan in a resample without an image of the class.
    """
    order = np.argsort(-scores, kind='mergesort')
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # of each group of equal scores
    weights = weights[:, order]
    hits = np.cumsum(weights * truth[order], axis=1)[:, last]
    every = np.cumsum(weights, axis=1)[:, last]
    precision = np.divide(hits, every, out=np.zeros_like(hits), where=every > 0)
    total = hits[:, -1]
    area = (np.diff(hits, axis=1, prepend=0.0) * precision).sum(axis=1)
    return np.divide(area, total, out=np.full(len(weights), np.nan), where=total > 0)


def f1_of_label(truth: NDArray[np.bool_], pred: NDArray[np.bool_], weights: Floats) -> Floats:
    """Compute the F1 of a class, as ``sklearn.metrics.f1_score`` does: 0 if it is neither true nor predicted.

    Args:
        truth: Whether each of N images has the class, (N,).
        pred: Whether it is predicted to have it, (N,).
        weights: (R, N), how often each of R resamples contains each image.

    Returns:
        (R,) in [0, 1].
    """
    hits = weights @ (truth & pred).astype(float)
    counted = weights @ truth.astype(float) + weights @ pred.astype(float)
    return np.divide(2 * hits, counted, out=np.zeros(len(weights)), where=counted > 0)
