"""Classification scores over a data set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics


def auc(truth: NDArray[np.integer], scores: NDArray[np.floating]) -> float:
    """Area under the ROC curve, as the official scorer takes it.

    With two classes, of the score of class 1. With more, the macro mean of one class against the rest. The official
    scorer asks scikit-learn and puts 0 where that refuses: where ``truth`` lacks a class, or where the scores of an
    image, of more than two classes, do not sum to 1.

    Args:
        truth: (N,) true class indices.
        scores: (N, C) probability of each class.

    Returns:
        A fraction in [0, 1].

    Raises:
        ValueError: If ``scores`` is not (N, C) with at least two classes.
    """
    _check_scores(truth, scores)
    classes = scores.shape[1]
    if len(np.unique(truth)) < classes:
        return 0.0
    if classes == 2:
        return float(metrics.roc_auc_score(truth, scores[:, 1]))
    if not np.allclose(scores.sum(axis=1), 1):
        return 0.0
    return float(metrics.roc_auc_score(truth, scores, multi_class='ovr', average='macro'))


def auc_of_present(truth: NDArray[np.integer], scores: NDArray[np.floating]) -> float:
    """Area under the ROC curve over the classes that can have one.

    As :func:`auc` where every class is in ``truth``; else the mean over the classes with both positives and
    negatives, nan if there is none. It is no part of the official score.

    Args:
        truth: (N,) true class indices.
        scores: (N, C) score of each class.

    Raises:
        ValueError: If ``scores`` is not (N, C) with at least two classes.
    """
    _check_scores(truth, scores)
    classes = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    areas = [
        metrics.roc_auc_score(truth == index, scores[:, index])
        for index in classes
        if (truth == index).any() and (truth != index).any()
    ]
    return float(np.mean(areas)) if areas else float('nan')


def _check_scores(truth: NDArray[np.integer], scores: NDArray[np.floating]) -> None:
    if scores.ndim != 2 or len(scores) != len(truth) or scores.shape[1] < 2:
        raise ValueError(f'scores of shape {scores.shape} do not give {len(truth)} samples two or more classes each')


def f1_macro(truth: NDArray[np.integer], pred: NDArray[np.integer]) -> float:
    """Mean F1 over the classes that occur in ``truth`` or ``pred``, both (N,); in [0, 1]."""
    return float(metrics.f1_score(truth, pred, average='macro', zero_division=0))


def f1_weighted(truth: NDArray[np.integer], pred: NDArray[np.integer]) -> float:
    """F1 averaged over classes, each weighted by its share of ``truth``; both (N,); in [0, 1]."""
    return float(metrics.f1_score(truth, pred, average='weighted', zero_division=0))


def accuracy(truth: NDArray[np.integer], pred: NDArray[np.integer]) -> float:
    """Share of samples with the right class; both (N,); in [0, 1]."""
    return float(metrics.accuracy_score(truth, pred))


def mcc(truth: NDArray[np.integer], pred: NDArray[np.integer]) -> float:
    """Matthews correlation coefficient, for any number of classes; both (N,); in [-1, 1], 0 where undefined."""
    if len(np.union1d(truth, pred)) == 1:
        return 0.0  # what scikit-learn answers too, after a warning
    return float(metrics.matthews_corrcoef(truth, pred))
