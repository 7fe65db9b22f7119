"""The official scores, from the table of results alone."""

from __future__ import annotations

from collections.abc import Iterable

from aurora_mm.evaluation.metrics import (
    BoxIoUMetric,
    ClassificationMetric,
    LandmarkMetric,
    SegmentationMetric,
    TaskMetric,
)
from aurora_mm.evaluation.per_image import TargetResult, rows_by_image
from aurora_mm.evaluation.scores import aggregate_scores
from aurora_mm.tasks import Task, TaskTable

_METRICS: dict[str, type[TaskMetric]] = {
    'segmentation': SegmentationMetric,
    'classification': ClassificationMetric,
    'detection': BoxIoUMetric,
    'landmark': LandmarkMetric,
}


def official_metric(task: Task) -> TaskMetric:
    """The metric with the official definitions for a task."""
    metric = _METRICS[task.type](prefix=None)
    metric.dataset_meta = {'classes': list(task.output_names)}
    return metric


def official_scores(rows: Iterable[TargetResult], tasks: TaskTable) -> dict[str, float]:
    """What :meth:`MultiTaskEvaluator.evaluate` gives for the official metrics.

    Args:
        rows: The table of results, of one task at least.
        tasks: The tasks in it.

    Returns:
        ``<task>/<metric>``, then the aggregates of :func:`aggregate_scores`.
    """
    results: dict[str, float] = {}
    primaries: dict[str, float] = {}
    images = rows_by_image(rows)
    for name in (name for name in tasks if name in images):
        metric = official_metric(tasks[name])
        scores = metric.compute_metrics(images[name])
        primaries[name] = metric.primary(scores)
        results.update({f'{name}/{key}': value for key, value in scores.items()})
    return results | aggregate_scores(primaries, tasks)
