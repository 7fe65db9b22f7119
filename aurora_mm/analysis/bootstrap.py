"""Confidence intervals of scores, by the bootstrap over images or over groups of images.

A resample draws as many groups as there are, with replacement; an image without a group is its own group. Each metric
computes the scores of all resamples at once, by the code that computes the score itself
(:meth:`aurora_mm.evaluation.TaskMetric.aggregate`).

Legend: R resamples, N images of a task.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurora_mm.evaluation import ResultRow
from aurora_mm.evaluation.metrics import TaskMetric, metric_of_row, rows_by_image
from aurora_mm.tasks import TaskTable

Floats = NDArray[np.float64]
_CHUNK = 4_000_000  # counts in memory at once


def bootstrap_intervals(
    rows: Iterable[ResultRow],
    tasks: TaskTable | None = None,
    unscored: Collection[str] = (),
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute percentile intervals of all scores.

    Each task is resampled with its own random numbers, so its intervals do not depend on the other tasks. Intervals of
    means over tasks are computed from the resamples of the tasks. Resamples in which a score is not defined, such as
    AUC without images of a class, are left out for that score and for the means that contain it.

    Args:
        rows: Rows of one or more tasks; the rows of a task's judge come first.
        tasks: All tasks of the means; by default those of the rows. A mean has no interval if one of its tasks has no
            rows and is not in ``unscored``.
        unscored: Names of the tasks that count as 0 because none of their images was scored.
        resamples: Number of resamples; more of them give more stable intervals.
        level: Fraction of the resamples within an interval.
        seed: Seed of the random numbers.

    Returns:
        ``{'tasks': {task: {score: [low, high]}}, 'types': {type: [low, high]}, 'task_mean': [low, high],
        'score': [low, high], 'level': level, 'resamples': resamples}``, with the keys of ``metrics.json``.
    """
    tails = [50 * (1 - level), 100 - 50 * (1 - level)]

    def interval(values: Floats) -> list[float] | None:
        defined = values[~np.isnan(values)]
        return np.percentile(defined, tails).tolist() if len(defined) else None

    intervals: dict[str, dict[str, list[float]]] = {}
    primaries: dict[str, Floats] = dict.fromkeys(unscored, np.zeros(resamples))
    types: dict[str, str] = {}
    for (task, name), images in rows_by_image(rows).items():
        prefix, metric = metric_of_row(name)
        scores = _resampled_scores(metric, task, images, resamples, seed)
        if task not in intervals:  # the judging metric
            types[task] = metric.task_type
            primaries[task] = scores['primary'] = metric.primary(scores)
        of_task = intervals.setdefault(task, {})
        for key, values in scores.items():
            if found := interval(values):
                of_task[key if key == 'primary' else prefix + key] = found
    if tasks is not None:
        types = {name: task.type for name, task in tasks.items()}
    of_type: dict[str, list[str]] = {}
    for task, task_type in types.items():
        of_type.setdefault(task_type, []).append(task)
    means = {
        task_type: np.mean([primaries[task] for task in of_tasks], axis=0)
        for task_type, of_tasks in of_type.items()
        if all(task in primaries for task in of_tasks)
    }
    whole = {}
    if means and len(means) == len(of_type):
        whole['task_mean'] = interval(np.mean([primaries[task] for task in types], axis=0))
        whole['score'] = interval(np.mean(list(means.values()), axis=0))
    of_types = {task_type: interval(values) for task_type, values in means.items()}
    return {
        'tasks': intervals,
        'types': {task_type: found for task_type, found in of_types.items() if found},
        **{name: found for name, found in whole.items() if found},
        'level': level,
        'resamples': resamples,
    }


def _resampled_scores(
    metric: type[TaskMetric], task: str, images: Sequence[Sequence[ResultRow]], resamples: int, seed: int
) -> dict[str, Floats]:
    """Compute each score of one task in all resamples, (R,)."""
    rng = np.random.default_rng([seed, zlib.crc32(task.encode())])
    chunk = max(1, _CHUNK // len(images))
    parts = []
    for start in range(0, resamples, chunk):
        parts.append(metric.aggregate(images, _draw(images, min(chunk, resamples - start), rng)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _draw(images: Sequence[Sequence[ResultRow]], resamples: int, rng: np.random.Generator) -> Floats:
    """Draw how often each resample contains each image, (R, N)."""
    keys = [(rows[0].group, None) if rows[0].group else (None, rows[0].img_id) for rows in images]
    index_of = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    count = len(index_of)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, [index_of[key] for key in keys]].astype(np.float64)
