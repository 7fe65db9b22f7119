"""Confidence intervals of scores, by the bootstrap over images or over groups of images.

A resample draws as many groups as there are, with replacement; an image without a group is one of its own. All scores
of all resamples of a task are matrix products of their counts (S, N) and the per-image results (N,).

Legend: S resamples, N images of a task.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurora_mm.analysis.resampled import label_scores, resampled_auc, weighted_mean
from aurora_mm.evaluation.functional import auc
from aurora_mm.evaluation.per_image import TargetResult, rows_by_image

Floats = NDArray[np.float64]
_CHUNK = 4_000_000  # counts held at once


def bootstrap_intervals(
    rows: Sequence[TargetResult], resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> dict[str, Any]:
    """Percentile intervals of every official score.

    Tasks are resampled one by one, each with random numbers of its own, so that a task's intervals do not depend on
    which others are scored. Aggregates are computed from the tasks' resamples. A resample in which AUC is not defined,
    for want of a class, does not count for the AUC.

    Args:
        rows: The table of results of one or more tasks.
        resamples: How many; the ends of the intervals settle with their number.
        level: Share of the resamples that lies within an interval.
        seed: Of the random numbers.

    Returns:
        ``{'tasks': {task: {metric: [low, high]}}, 'types': {type: [low, high]}, 'task_mean': [low, high],
        'score': [low, high], 'level': level, 'resamples': resamples}``, with the metrics of ``metrics.json``.
    """
    tails = [50 * (1 - level), 100 - 50 * (1 - level)]

    def interval(values: Floats) -> list[float]:
        return np.percentile(values, tails).tolist()

    tasks: dict[str, dict[str, list[float]]] = {}
    primaries: dict[str, list[Floats]] = {}
    for images in rows_by_image(rows).values():
        scores = _resampled_scores(images, resamples, seed)
        primaries.setdefault(images[0][0].type, []).append(scores['primary'])
        defined = {name: values[~np.isnan(values)] for name, values in scores.items()}
        tasks[images[0][0].task] = {name: interval(values) for name, values in defined.items() if len(values)}
    types = {task_type: np.mean(values, axis=0) for task_type, values in primaries.items()}
    return {
        'tasks': tasks,
        'types': {task_type: interval(values) for task_type, values in types.items()},
        'task_mean': interval(np.mean([values for of_type in primaries.values() for values in of_type], axis=0)),
        'score': interval(np.mean(list(types.values()), axis=0)),
        'level': level,
        'resamples': resamples,
    }


def _resampled_scores(images: Sequence[Sequence[TargetResult]], resamples: int, seed: int) -> dict[str, Floats]:
    """(S,) of each metric, and of ``primary``, of one task."""
    first = images[0][0]
    rng = np.random.default_rng([seed, zlib.crc32(first.task.encode())])
    chunk = max(1, _CHUNK // len(images))
    parts = []
    for start in range(0, resamples, chunk):
        weights = _draw(images, min(chunk, resamples - start), rng)
        parts.append(_SCORES[first.type](images, weights))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _draw(images: Sequence[Sequence[TargetResult]], resamples: int, rng: np.random.Generator) -> Floats:
    """(S, N) how often each resample holds each image."""
    keys = [(rows[0].group, None) if rows[0].group else (None, rows[0].img_id) for rows in images]
    index_of = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    count = len(index_of)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, [index_of[key] for key in keys]].astype(np.float64)


def _segmentation(images: Sequence[Sequence[TargetResult]], weights: Floats) -> dict[str, Floats]:
    scores: dict[str, Floats] = {}
    for name in ('DSC', 'HD', 'HD95', 'NSD'):
        values = np.array([[getattr(row, name) for row in rows] for rows in images])  # (N, C - 1)
        scores[name] = weighted_mean(values.mean(axis=1), weights)
        if name in ('DSC', 'HD'):
            targets = [row.target for row in images[0]]
            scores |= {f'{name}_{t}': weighted_mean(values[:, i], weights) for i, t in enumerate(targets)}
    return scores | {'primary': scores['DSC']}


def _classification(images: Sequence[Sequence[TargetResult]], weights: Floats) -> dict[str, Floats]:
    truth, pred, probs = (np.array([getattr(row, name) for (row,) in images]) for name in ('truth', 'pred', 'probs'))
    scores = label_scores(truth, pred, weights)
    if auc(truth, probs) > 0:  # there is an official one
        scores['AUC'] = resampled_auc(truth, probs, weights)
    return scores | {'primary': scores['Accuracy']}


def _detection(images: Sequence[Sequence[TargetResult]], weights: Floats) -> dict[str, Floats]:
    iou = weighted_mean(np.array([row.IoU for (row,) in images]), weights)
    return {'IoU': iou, 'primary': iou}


def _landmark(images: Sequence[Sequence[TargetResult]], weights: Floats) -> dict[str, Floats]:
    errors = np.array([[row.error for row in rows] for rows in images])  # (N, K)
    diagonals = np.array([math.hypot(rows[0].height, rows[0].width) for rows in images])
    relative = weighted_mean(errors.mean(axis=1) / diagonals, weights)
    by_point = {f'MRE_{row.target}': weighted_mean(errors[:, i], weights) for i, row in enumerate(images[0])}
    return {
        'MRE': weighted_mean(errors.mean(axis=1), weights),
        'MRE_diagonal': relative,
        **by_point,
        'primary': np.maximum(0.0, 1.0 - relative),
    }


_SCORES = {
    'segmentation': _segmentation,
    'classification': _classification,
    'detection': _detection,
    'landmark': _landmark,
}
