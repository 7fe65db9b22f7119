"""Building of the metrics of a task from their configs."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from mmengine.evaluator import BaseMetric

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.metrics.foreign_metric import ForeignMetric
from aurora_mm.evaluation.metrics.foreign_trial import refuse_metric
from aurora_mm.evaluation.metrics.task_metric import TaskMetric
from aurora_mm.evaluation.suppress_output import suppress_output
from aurora_mm.misfits import MISFITS, reason_of
from aurora_mm.registry import METRICS
from aurora_mm.tasks import Task


def build_task_metrics(configs: Sequence[dict[str, Any]], task: Task) -> list[BaseMetric]:
    """Build new metrics for a task.

    Args:
        configs: Configs of the metrics; at least one.
        task: The task. Its classes or points become ``dataset_meta['classes']`` of the metrics.

    Returns:
        The metrics, in the order of ``configs``.

    Raises:
        ConfigError: If a metric cannot be built or does not measure this task type, or none of them can be the judge.
    """
    with suppress_output():
        metrics = [_build(config, task) for config in configs]
    if not judges(metrics):
        raise ConfigError(
            f'task {task.name!r}: none of its metrics ({", ".join(type(m).__name__ for m in metrics)}) can judge '
            f'it; add {task.task_type.metric}, or wrap one in ForeignMetric'
        )
    for metric in metrics:
        if isinstance(metric, TaskMetric):
            _check(metric, task)
        metric.dataset_meta = {'classes': list(task.output_names)}
    return metrics


def judges(metrics: Iterable[BaseMetric]) -> list[TaskMetric | ForeignMetric]:
    """Return the metrics that can give a primary score; the first of them is the judge of the task."""
    return [metric for metric in metrics if isinstance(metric, (TaskMetric, ForeignMetric))]


def key_prefix(metric: BaseMetric) -> str:
    """Return the prefix of the keys of a metric's scores, with its slash; '' if it has none."""
    return f'{metric.prefix}/' if metric.prefix else ''


def _build(config: dict[str, Any], task: Task) -> BaseMetric:
    refuse_metric(config, task)
    try:
        return METRICS.build(copy.deepcopy(config))
    except MISFITS as error:
        raise ConfigError(f'{config["type"]} cannot be built for task {task.name!r}: {reason_of(error)}') from error


def _check(metric: TaskMetric, task: Task) -> None:
    name = type(metric).__name__
    if metric.task_type != task.type:
        raise ConfigError(f'{name} measures {metric.task_type} tasks; {task.name!r} is a {task.type} task')
    if METRICS.get(name) is not type(metric):  # rows name their metric
        raise ConfigError(f'register {name} under this name in aurora_mm.registry.METRICS')
