"""Classification scores of a data set, or of many resamples of it at once.

Legend: N images, C classes, R resamples. A resample is a row of ``weights`` (R, N), which holds how often it contains
each image. Without weights there is one resample, R = 1, that contains each image once.

The scores equal those of scikit-learn, which would compute each resample by itself; tests compare them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]


class ClassCounts(NamedTuple):
    """How often each class is true, is predicted and is both; accuracy, F1 and Matthews correlation need no more.

    Args:
        hits: (R, C) images of the class that are predicted as this class.
        true: (R, C) images of the class.
        predicted: (R, C) images that are predicted as the class.
    """

    hits: Floats
    true: Floats
    predicted: Floats


def count_classes(truth: NDArray[np.integer], pred: NDArray[np.integer], weights: Floats | None = None) -> ClassCounts:
    """Count the classes that occur in ``truth`` or ``pred``, both (N,) class indices, for each row of ``weights``."""
    labels, codes = np.unique(np.concatenate([truth, pred]), return_inverse=True)
    true, predicted = codes[: len(truth)], codes[len(truth) :]
    weights = _weights(weights, len(truth))

    def count(classes: NDArray[np.integer], counted: NDArray[np.bool_] | None = None) -> Floats:
        images = np.arange(len(classes)) if counted is None else np.flatnonzero(counted)
        one_hot = csr_array((np.ones(len(images)), (classes[images], images)), shape=(len(labels), len(classes)))
        return (one_hot @ weights.T).T

    return ClassCounts(count(true, true == predicted), count(true), count(predicted))


def accuracy(counts: ClassCounts) -> Floats:
    """Compute the fraction of images with the right class, (R,) in [0, 1]."""
    return counts.hits.sum(axis=1) / counts.true.sum(axis=1)


def f1_macro(counts: ClassCounts) -> Floats:
    """Compute the mean F1 over the classes that occur in truth or prediction, (R,) in [0, 1]."""
    return _f1(counts).sum(axis=1) / (counts.true + counts.predicted > 0).sum(axis=1)


def f1_weighted(counts: ClassCounts) -> Floats:
    """Compute the mean F1 over classes, weighted by their frequency in the truth, (R,) in [0, 1]."""
    return (_f1(counts) * counts.true).sum(axis=1) / counts.true.sum(axis=1)


def mcc(counts: ClassCounts) -> Floats:
    """Compute the Matthews correlation coefficient for any number of classes (Gorodkin 2004), (R,).

    It is in [-1, 1], and 0 where it is not defined because truth or prediction contains one class only.
    """
    hits, true, predicted = counts
    total = true.sum(axis=1)
    covariance = hits.sum(axis=1) * total - (true * predicted).sum(axis=1)
    spread = (total**2 - (true**2).sum(axis=1)) * (total**2 - (predicted**2).sum(axis=1))
    return _ratio(covariance, np.sqrt(spread))


def auc_of_classes(truth: NDArray[np.integer], scores: NDArray[np.floating], weights: Floats | None = None) -> Floats:
    """Compute the area under the ROC curve of each class against the rest; for two classes, of class 1 only.

    Args:
        truth: (N,) true class indices.
        scores: (N, C) scores of the classes.
        weights: (R, N), how often each resample contains each image.

    Returns:
        (R, C), or (R, 1) for two classes, in [0, 1]; nan for a class without images, or if it is the only one.

    Raises:
        ValueError: If ``scores`` is not (N, C) with at least two classes.
    """
    if scores.ndim != 2 or len(scores) != len(truth) or scores.shape[1] < 2:
        raise ValueError(f'scores of shape {scores.shape} do not give {len(truth)} images two or more classes each')
    classes = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    weights = _weights(weights, len(truth))
    return np.stack([_area(truth == index, scores[:, index], weights) for index in classes], axis=1)


def _area(positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: Floats) -> Floats:
    """Compute the weighted fraction of (positive, negative) pairs in the right order, (R,); ties count half."""
    order = np.argsort(scores, kind='stable')
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))  # start of each run of equal scores
    weights, positive = weights[:, order], positive[order]
    up = np.add.reduceat(weights * positive, starts, axis=1)  # (R, runs)
    down = np.add.reduceat(weights * ~positive, starts, axis=1)
    below = np.cumsum(down, axis=1) - down / 2
    pairs = up.sum(axis=1) * down.sum(axis=1)
    return np.divide((up * below).sum(axis=1), pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def _f1(counts: ClassCounts) -> Floats:
    """Compute the F1 of each class, (R, C)."""
    return _ratio(2 * counts.hits, counts.true + counts.predicted)


def _weights(weights: Floats | None, count: int) -> Floats:
    return np.ones((1, count)) if weights is None else weights


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Return ``part / whole``, 0 where ``whole`` is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
