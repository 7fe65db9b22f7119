"""Average precision of boxes by the definitions of COCO."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aurora_mm.evaluation.functional.boxes import pairwise_iou

Floats = NDArray[np.float64]

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""The overlaps from which a box counts as found, of which ``AP`` is the mean."""
MOST_BOXES = 100
"""Number of predicted boxes of an image and class that count, those of the highest scores."""

_RECALLS = np.linspace(0, 1, 101)
_CHUNK = 2**22  # numbers that are held at once, resamples times boxes


def match_boxes(truth: Floats, pred: Floats, scores: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Decide which predicted boxes of an image and class find a true box, for each overlap threshold.

    By falling score, each predicted box finds the true box with which it overlaps most, of those that are not found
    yet, if the IoU reaches the threshold.

    Args:
        truth: True boxes (N, 4), xyxy.
        pred: Predicted boxes (M, 4), xyxy in the same coordinates.
        scores: Their scores (M,).

    Returns:
        The scores of the predicted boxes that count, falling, (M',); and whether each finds a true box, (M', T), for
        the T thresholds of :data:`IOU_THRESHOLDS`.
    """
    order = np.argsort(-scores, kind='mergesort')[:MOST_BOXES]
    overlaps = pairwise_iou(pred[order].reshape(-1, 4), truth.reshape(-1, 4))
    found = np.zeros((len(order), len(IOU_THRESHOLDS)), bool)
    for column, threshold in enumerate(IOU_THRESHOLDS):
        free = np.ones(len(truth), bool)
        for row in range(len(order)):
            candidates = np.where(free, overlaps[row], -1.0)
            # COCO takes the last of equal ones.
            best = len(candidates) - 1 - int(np.argmax(candidates[::-1])) if len(candidates) else -1
            if best >= 0 and candidates[best] >= min(threshold, 1 - 1e-10):
                free[best], found[row, column] = False, True
    return scores[order], found


def average_precision(
    scores: Sequence[Floats], found: Sequence[NDArray[np.bool_]], counts: NDArray[np.integer], weights: Floats
) -> tuple[Floats, Floats]:
    """Compute average precision and recall of one class over N images, for R resamples at once.

    The precision is that of 101 recalls, each the highest precision that is reached at this recall or a higher one.

    Args:
        scores: Scores of each image's predicted boxes, from :func:`match_boxes`.
        found: Whether each of these boxes finds a true box, from :func:`match_boxes`.
        counts: Number of true boxes in each image, (N,).
        weights: (R, N), how often each resample contains each image.

    Returns:
        Average precision (R, T) and the highest recall (R, T) for the T thresholds; nan in a resample without a true
        box.
    """
    image_of = np.repeat(np.arange(len(counts)), [len(of_image) for of_image in scores])
    order = np.argsort(-np.concatenate([np.zeros(0), *scores]), kind='mergesort')
    image_of = image_of[order]
    hits = np.concatenate([np.zeros((0, len(IOU_THRESHOLDS)), bool), *found])[order]  # (D, T)
    precisions = np.full((len(weights), hits.shape[1]), np.nan)
    recalls = precisions.copy()
    step = max(1, _CHUNK // max(1, len(order)))
    for start in range(0, len(weights), step):
        part = slice(start, start + step)
        total = weights[part] @ counts  # (r,)
        some = total > 0
        of_box = weights[part][some][:, image_of]  # (r, D)
        for column in range(hits.shape[1]):
            right = np.cumsum(of_box * hits[:, column], axis=1)
            every = np.cumsum(of_box, axis=1)
            precision = np.divide(right, every, out=np.zeros_like(right), where=every > 0)
            envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            recall = right / total[some][:, None]
            values = [_at_recalls(*pair) for pair in zip(recall, envelope, strict=True)]
            precisions[np.flatnonzero(some) + start, column] = values
            recalls[np.flatnonzero(some) + start, column] = recall[:, -1] if len(order) else 0.0
    return precisions, recalls


def _at_recalls(recall: Floats, envelope: Floats) -> float:
    """Return the mean precision at 101 recalls; the precision of a recall that is not reached is 0."""
    places = np.searchsorted(recall, _RECALLS)  # the recall 0.7 is just below the 71st, as in pycocotools
    return float(np.append(envelope, 0.0)[places].mean())
