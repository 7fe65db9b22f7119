"""The metrics of one task."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.utils import apply_to

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.evaluation_result import TaskColumns
from aurora_mm.evaluation.measurement_workers import MeasurementWorkers
from aurora_mm.evaluation.metrics import ResultRow, TaskMetric
from aurora_mm.evaluation.metrics.build_task_metrics import build_task_metrics, judges, key_prefix
from aurora_mm.evaluation.metrics.coco_scores import without_undefined
from aurora_mm.evaluation.metrics.foreign_trial import openmmlab_fields, try_metric
from aurora_mm.evaluation.suppress_output import suppress_output
from aurora_mm.tasks import Task


class TaskScores(NamedTuple):
    """The scores of a task.

    Attributes:
        scores (dict[str, float]): Scores of all metrics by key.
        primary (float): The primary score, which the judge gives.
        rows (list[ResultRow]): Rows of the metrics for each image, those of the judge first.
    """

    scores: dict[str, float]
    primary: float
    rows: list[ResultRow]


class TaskMetrics:
    """The metrics of one task, of this package and of others, for one evaluation.

    Metrics may keep state of an evaluation (CocoMetric keeps the true boxes), so each evaluation needs new ones.

    Args:
        configs: Configs of the metrics; see :func:`build_task_metrics`.
        task: The task.

    Raises:
        ConfigError: If a metric cannot be built or does not measure the task, or none of them can be the judge.
    """

    def __init__(self, configs: Sequence[dict[str, Any]], task: Task) -> None:
        self.task = task
        self.configs = list(configs)
        self.metrics = build_task_metrics(configs, task)
        self.judge = judges(self.metrics)[0]

    def try_foreign(self) -> None:
        """Score a generated sample with each metric of another package.

        Raises:
            ConfigError: If a metric fails.
        """
        for config, metric in zip(self.configs, self.metrics, strict=True):
            if not isinstance(metric, TaskMetric):
                try_metric(config, metric, self.task)

    def measure(self, sample: Mapping[str, Any], data_batch: Any, workers: MeasurementWorkers) -> list[Any]:
        """Measure a sample.

        Args:
            sample: The sample as nested dicts.
            data_batch: The batch that the model got, for metrics of other packages.
            workers: Threads in which metrics of this package measure, if there are some.

        Returns:
            The result of each metric, or the future of its result.

        Raises:
            ConfigError: If a metric does not keep exactly one result.
        """
        return [
            workers.start(metric, sample)
            if workers.num_workers and type(metric).process is TaskMetric.process
            else self._measure(metric, sample, data_batch)
            for metric in self.metrics
        ]

    def _measure(self, metric: BaseMetric, sample: Mapping[str, Any], data_batch: Any) -> Any:
        metric.process(data_batch, [sample if isinstance(metric, TaskMetric) else openmmlab_fields(sample)])
        if len(metric.results) != 1:
            raise ConfigError(
                f'{type(metric).__name__} kept {len(metric.results)} results of one sample of task '
                f'{sample["task"]!r}; MultiTaskEvaluator can only merge metrics that keep exactly one'
            )
        return _to_cpu(metric.results.pop())

    def compute(self, results: Sequence[Sequence[Any]]) -> TaskScores:
        """Compute the scores.

        Args:
            results: The results of each image, see :meth:`measure`.

        Raises:
            ConfigError: If two metrics return a score of the same name.
        """
        scores: dict[str, float] = {}
        rows: list[ResultRow] = []
        primary = math.nan
        for metric, index in self._judge_first():
            of_images = [of_image[index] for of_image in results]
            with suppress_output():
                answer = metric.compute_metrics(of_images)
            answer = without_undefined(metric, {key: _to_number(value) for key, value in answer.items()})
            if metric is self.judge:
                primary = self.judge.primary(answer)
            if isinstance(metric, TaskMetric) and isinstance(self.judge, TaskMetric):
                rows += [row for of_image in of_images for row in of_image]
            for key, value in answer.items():
                key = key_prefix(metric) + key
                if key in scores or key == 'primary':
                    raise ConfigError(
                        f'task {self.task.name!r}: {type(metric).__name__} gives {key!r}, a name already taken; '
                        "set the metric's prefix"
                    )
                scores[key] = value
        return TaskScores(scores, primary, rows)

    def columns(self, scored: Container[str]) -> TaskColumns:
        """Return names and units of the scores, those of the judge first.

        Args:
            scored: Keys of the scores that the task has.
        """
        metrics = [(key_prefix(metric), metric) for metric, _ in self._judge_first()]
        return TaskColumns.of(metrics, self.task.unit, scored)

    def _judge_first(self) -> list[tuple[Any, int]]:
        """Return the metrics, each with its place in ``metrics``."""
        pairs = [(metric, index) for index, metric in enumerate(self.metrics)]
        return sorted(pairs, key=lambda pair: pair[0] is not self.judge)


def finished(results: Sequence[Any], workers: MeasurementWorkers) -> list[Any]:
    """Replace the futures among the results of an image by their results, waiting for them."""
    return [workers.result(result) if isinstance(result, Future) else result for result in results]


def _to_cpu(result: Any) -> Any:
    """Move all tensors of a metric's result to the CPU, so that it can be sent to another process."""
    return apply_to(result, lambda item: isinstance(item, torch.Tensor), lambda tensor: tensor.cpu())


def _to_number(value: Any) -> Any:
    """Convert a NumPy or torch scalar to a Python number."""
    return value.item() if isinstance(value, (np.generic, np.ndarray, torch.Tensor)) else value
