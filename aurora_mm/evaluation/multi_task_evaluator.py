"""One evaluator for samples of many tasks."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.logging import MMLogger
from mmengine.utils import apply_to

from aurora_mm.errors import AuroraError, ConfigError, DataError
from aurora_mm.evaluation.metrics import TaskMetric
from aurora_mm.evaluation.per_image import TargetResult
from aurora_mm.evaluation.score_table import score_tables
from aurora_mm.evaluation.scores import aggregate_scores
from aurora_mm.evaluation.silence_output import quiet
from aurora_mm.registry import EVALUATOR, METRICS
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample, task_samples_of
from aurora_mm.tasks import TASK_TYPES, Task, TaskTable


class _Record(NamedTuple):
    """What one process knows of one processed sample."""

    img_id: int
    img_path: str | None
    results: list[Any]  # one of each metric of the task


@EVALUATOR.register_module()
class MultiTaskEvaluator(Evaluator):
    """Routes each sample to the metrics of its task and sums up in one score.

    Every task has metric instances of its own, built from the config of its type, with
    ``dataset_meta = {'classes': names of the task's classes or points}``; metrics of mmdet and mmseg run unchanged.
    Results do not depend on the number of processes or the order of samples: all processes' results are gathered,
    the ones that a sampler padded its last round with are dropped by ``img_id``, the rest sorted by it.

    After :meth:`evaluate`, ``per_image`` of the main process holds what the official metrics kept of each image, task
    by task in table order, as :mod:`aurora_mm.evaluation.per_image` has it.

    Args:
        metrics: For each task type, the configs of its metrics. The first one that has a ``primary`` method gives
            the task's primary score; there must be one.
        task_metrics: For single tasks, by name, the configs to use instead.

    Raises:
        ConfigError: If ``metrics`` names an unknown type, or a list is empty.

    Example:
        >>> val_evaluator = dict(
        ...     type='MultiTaskEvaluator',
        ...     metrics=dict(
        ...         segmentation=[dict(type='SegmentationMetric'), dict(type='mmseg.IoUMetric', iou_metrics=['mDice'])],
        ...         detection=[dict(type='BoxIoUMetric'), dict(type='mmdet.CocoMetric', metric='bbox')],
        ...     ),
        ... )
    """

    def __init__(
        self,
        metrics: Mapping[str, Sequence[dict]],
        task_metrics: Mapping[str, Sequence[dict]] | None = None,
    ) -> None:
        super().__init__([])
        self._type_configs = dict(metrics)
        self._task_configs = dict(task_metrics or {})
        for name in self._type_configs:
            if name not in TASK_TYPES:
                raise ConfigError(f'metrics are given for {name!r}, which is none of {", ".join(TASK_TYPES)}')
        for name, configs in {**self._type_configs, **self._task_configs}.items():
            if not isinstance(configs, Sequence) or not configs:
                raise ConfigError(f'metrics of {name!r} must be a list of configs with at least one, not {configs!r}')
        self._tasks = TaskTable()
        self._metrics: dict[str, list[BaseMetric]] = {}
        self._records: dict[str, list[_Record]] = {}
        self.per_image: list[TargetResult] = []

    @property
    def dataset_meta(self) -> dict | None:
        """The data set's metainfo, whose ``tasks`` describe the tasks."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        """Takes the tasks and builds their metrics, so that a wrong config fails before anything is trained."""
        if 'tasks' not in dataset_meta:
            raise ConfigError(
                f"MultiTaskEvaluator needs the data set's metainfo to list its 'tasks'; it has {sorted(dataset_meta)}"
            )
        self._dataset_meta = dataset_meta
        self._tasks = TaskTable(dataset_meta['tasks'])
        for name in self._task_configs:
            if name not in self._tasks:
                raise ConfigError(f'task_metrics names {name!r}, which is no task of the data set: {self._tasks!r}')
        self._metrics = {task.name: self._build(task) for task in self._tasks.values() if self._configs(task)}
        self._records = {}

    def process(self, data_samples: Sequence[MultiTaskDataSample], data_batch: Any = None) -> None:
        """Gives each sample to the metrics of its task.

        Args:
            data_samples: Samples with annotations and predictions of each of their tasks.
            data_batch: What the model was fed; handed on to the metrics.

        Raises:
            ConfigError: If a sample's task is unknown or has no metrics, or a metric does not keep exactly one
                result a sample.
        """
        for sample in map(TaskDataSample.to_dict, task_samples_of(data_samples)):
            task = self._task_of(sample)
            record = _Record(sample['img_id'], sample.get('img_path'), [])
            for metric in self._metrics_of(task):
                metric.process(data_batch, [sample])
                if len(metric.results) != 1:
                    raise ConfigError(
                        f'{type(metric).__name__} kept {len(metric.results)} results of one sample of task '
                        f'{task.name!r}; MultiTaskEvaluator can only merge metrics that keep exactly one'
                    )
                record.results.append(_to_cpu(metric.results.pop()))
            self._records.setdefault(task.name, []).append(record)

    def evaluate(self, size: int) -> dict[str, float]:
        """Scores of all tasks; every process gets them.

        Args:
            size: Number of samples of the data set. A warning tells when fewer were processed.

        Returns:
            ``<task>/<metric>`` for every metric, ``<task>/primary``, ``type/<type>``, ``task_mean`` and ``score``,
            see :func:`aggregate_scores`.

        Raises:
            DataError: If no sample was processed at all, or two images share an ``img_id``.
        """
        # One gather for all tasks: a process that saw no sample of a task takes part all the same.
        records = self._merge(all_gather_object(self._records))
        outcome: list[dict[str, float] | AuroraError | None] = [None]
        if is_main_process():
            try:
                outcome = [self._compute(records, size)]
            except AuroraError as error:  # raised below by every process, none of which must be left waiting
                outcome = [error]
        broadcast_object_list(outcome)
        # Metrics may keep state from one evaluation (CocoMetric keeps the true boxes): the next gets new ones.
        self._metrics.clear()
        self._records = {}
        if isinstance(outcome[0], AuroraError):
            raise outcome[0]
        return outcome[0]

    def _merge(self, parts: Iterable[Mapping[str, list[_Record]]]) -> dict[str, list[_Record]]:
        """The records of all processes by task, in table order, each image once and in the order of ``img_id``."""
        unique: dict[str, dict[int, _Record]] = {name: {} for name in self._tasks}
        for part in parts:
            for name, records in part.items():
                for record in records:
                    known = unique[name].setdefault(record.img_id, record)
                    if known.img_path != record.img_path:
                        raise DataError(
                            f'task {name!r}: two images have img_id {record.img_id}: '
                            f'{known.img_path} and {record.img_path}'
                        )
        merged = {name: [images[i] for i in sorted(images)] for name, images in unique.items() if images}
        if not merged:
            raise DataError('there is nothing to evaluate: no sample was processed')
        return merged

    def _compute(self, records: Mapping[str, list[_Record]], size: int) -> dict[str, float]:
        """The scores from everyone's records, logged as tables."""
        logger = MMLogger.get_current_instance()
        results, primaries = {}, {}
        self.per_image = []
        for name, task_records in records.items():
            scores, primaries[name] = self._compute_task(self._tasks[name], task_records)
            results.update({f'{name}/{key}': value for key, value in scores.items()})
        results.update(aggregate_scores(primaries, self._tasks))
        counts = {name: len(task_records) for name, task_records in records.items()}
        if sum(counts.values()) < size:
            logger.warning(f'the scores cover {sum(counts.values())} of the {size} samples of the data set')
        logger.info('\n' + score_tables(results, self._tasks, counts))
        return results

    def _compute_task(self, task: Task, records: list[_Record]) -> tuple[dict[str, float], float]:
        """All metrics of one task, and its primary score."""
        scores: dict[str, float] = {}
        primary = None
        for index, metric in enumerate(self._metrics_of(task)):
            of_images = [record.results[index] for record in records]
            with quiet():
                answer = metric.compute_metrics(of_images)
            if primary is None and isinstance(metric, TaskMetric):
                self.per_image.extend(row for rows in of_images for row in rows)
            answer = {key: _to_number(value) for key, value in answer.items()}
            if primary is None and hasattr(metric, 'primary'):
                primary = metric.primary(answer)
            for key, value in answer.items():
                key = f'{metric.prefix}/{key}' if metric.prefix else key
                if key in scores or key == 'primary':
                    raise ConfigError(
                        f'task {task.name!r}: {type(metric).__name__} gives {key!r}, a name already taken; '
                        "set the metric's prefix"
                    )
                scores[key] = value
        return scores, primary

    def _task_of(self, sample: Mapping[str, Any]) -> Task:
        for key in ('task', 'img_id'):
            if key not in sample:
                raise ConfigError(f'MultiTaskEvaluator needs {key!r} on every sample; it has {sorted(sample)}')
        if sample['task'] not in self._tasks:
            raise ConfigError(f'a sample is of task {sample["task"]!r}, which is none of the data set: {self._tasks!r}')
        return self._tasks[sample['task']]

    def _metrics_of(self, task: Task) -> list[BaseMetric]:
        if task.name not in self._metrics:
            self._metrics[task.name] = self._build(task)
        return self._metrics[task.name]

    def _configs(self, task: Task) -> Sequence[dict]:
        return self._task_configs.get(task.name, self._type_configs.get(task.type, ()))

    def _build(self, task: Task) -> list[BaseMetric]:
        """New metrics for a task."""
        configs = self._configs(task)
        if not configs:
            raise ConfigError(f'no metrics are configured for task {task.name!r} of type {task.type!r}')
        with quiet():
            metrics = [METRICS.build(copy.deepcopy(config)) for config in configs]
        if not any(hasattr(metric, 'primary') for metric in metrics):
            raise ConfigError(
                f'task {task.name!r}: none of its metrics ({", ".join(type(m).__name__ for m in metrics)}) has a '
                f"'primary' score; add the {task.type} metric of aurora_mm"
            )
        for metric in metrics:
            metric.dataset_meta = {'classes': list(task.output_names)}
        return metrics


def _to_cpu(result: Any) -> Any:
    """A metric's result with all its tensors on the CPU, to be sent to another process."""
    return apply_to(result, lambda item: isinstance(item, torch.Tensor), lambda tensor: tensor.cpu())


def _to_number(value: Any) -> Any:
    """A plain Python number for a NumPy or torch scalar."""
    return value.item() if isinstance(value, (np.generic, np.ndarray, torch.Tensor)) else value
