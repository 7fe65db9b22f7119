"""Scores of many resamples of one data set at once, for bootstrap intervals.

Legend: S resamples, N images, C classes. A resample is a row of ``weights`` (S, N): how often it holds each image. The
scores are those of :mod:`aurora_mm.evaluation.functional.classification` on the images so repeated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def weighted_mean(values: Floats, weights: Floats) -> Floats:
    """(S,) mean of the values (N,) in each resample."""
    return weights @ values / weights.sum(axis=1)


def label_scores(truth: NDArray[np.integer], pred: NDArray[np.integer], weights: Floats) -> dict[str, Floats]:
    """Accuracy, F1 (macro and weighted) and Matthews correlation, (S,) each.

    Args:
        truth: (N,) true class indices.
        pred: (N,) predicted class indices.
        weights: (S, N).
    """
    labels, codes = np.unique(np.concatenate([truth, pred]), return_inverse=True)
    count = len(labels)
    cells = np.zeros((len(truth), count * count))
    cells[np.arange(len(truth)), codes[: len(truth)] * count + codes[len(truth) :]] = 1
    confusion = (weights @ cells).reshape(-1, count, count)  # (S, C, C), true class first
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    true, predicted = confusion.sum(axis=2), confusion.sum(axis=1)
    total = true.sum(axis=1)
    f1 = _ratio(2 * hits, true + predicted)
    # Squares of Matthews' formula for several classes (Gorodkin 2004).
    covariance = hits.sum(axis=1) * total - (true * predicted).sum(axis=1)
    spread = (total**2 - (true**2).sum(axis=1)) * (total**2 - (predicted**2).sum(axis=1))
    return {
        'F1_macro': f1.sum(axis=1) / (true + predicted > 0).sum(axis=1),
        'F1_weighted': (f1 * true).sum(axis=1) / total,
        'Accuracy': hits.sum(axis=1) / total,
        'MCC': _ratio(covariance, np.sqrt(spread)),
    }


def resampled_auc(truth: NDArray[np.integer], scores: Floats, weights: Floats) -> Floats:
    """Area under the ROC curve: of class 1 with two classes, else the macro mean of one against the rest.

    Args:
        truth: (N,) true class indices.
        scores: (N, C).
        weights: (S, N).

    Returns:
        (S,) fractions; nan where a resample lacks a class.
    """
    classes = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    return np.mean([_area(truth == index, scores[:, index], weights) for index in classes], axis=0)


def _area(positive: NDArray[np.bool_], scores: Floats, weights: Floats) -> Floats:
    """(S,) weighted share of (positive, negative) pairs in the right order, ties counting half."""
    order = np.argsort(scores, kind='stable')
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))  # of each run of equal scores
    weights, positive = weights[:, order], positive[order]
    up = np.add.reduceat(weights * positive, starts, axis=1)  # (S, runs)
    down = np.add.reduceat(weights * ~positive, starts, axis=1)
    below = np.cumsum(down, axis=1) - down / 2
    pairs = up.sum(axis=1) * down.sum(axis=1)
    return np.divide((up * below).sum(axis=1), pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """``part / whole``, 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
