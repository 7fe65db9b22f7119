"""The evaluator of all tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger

from aurora_mm.errors import AuroraError, ConfigError, DataError
from aurora_mm.evaluation.evaluation_result import EvaluationResult
from aurora_mm.evaluation.measurement_workers import MeasurementWorkers
from aurora_mm.evaluation.metrics import ResultRow, metric_of_row
from aurora_mm.evaluation.score_table import score_table
from aurora_mm.evaluation.scores import aggregate_scores
from aurora_mm.evaluation.task_metrics import TaskMetrics, finished
from aurora_mm.registry import EVALUATOR
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample, task_samples_of, to_host
from aurora_mm.tables import console_text
from aurora_mm.task_types import TASK_TYPES
from aurora_mm.tasks import Task, TaskTable
from aurora_mm.utils import first_few

_NAMED = 3  # images in a message


class _ImageResults(NamedTuple):
    """The results of all metrics of a task for one image."""

    img_id: int
    img_path: str | None
    results: list[Any]  # one for each metric of the task; before the evaluation, futures of the workers' results
    is_finite: bool  # whether the outputs are, from which the prediction follows; without results if not


@EVALUATOR.register_module()
class MultiTaskEvaluator(Evaluator):
    """Passes each sample to the metrics of its task and computes one overall score.

    Every task has its own metrics, built from the config of its task type, with
    ``dataset_meta = {'classes': names of the task's classes or points}``. Metrics of mmdet and mmseg run unchanged.
    Results do not depend on the number of processes or the order of samples: the results of all processes are gathered,
    duplicates that a sampler added to its last round are removed by ``img_id``, and the rest is sorted by it.

    A task that should have been scored and was not counts as 0, and a warning names it. The data set's metainfo says
    which tasks should have been: those of ``tasks`` with images in ``images_per_task``, or all of ``tasks`` if it has
    no such key. A task is not scored either if outputs of the model are not finite on one of its images.

    After :meth:`evaluate`, ``result`` of the main process holds all results, as an :class:`EvaluationResult`.

    Args:
        metrics: Configs of the metrics for each task type. The first metric of this package, or :class:`ForeignMetric`,
            is the judge: it gives the primary score. A task type that is left out is measured by the metric that its
            :class:`~aurora_mm.task_types.TaskType` names.
        task_metrics: Configs of the metrics for single tasks by name, which replace those of the task type.
        num_workers: Number of threads in which metrics of this package measure images while the model continues; 0
            measures at once. Scores are the same. Errors in a sample are raised later, at the latest by
            :meth:`evaluate`.

    Raises:
        ConfigError: If ``metrics`` names an unknown type, a list is empty, or ``num_workers`` is negative.

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
        metrics: Mapping[str, Sequence[dict[str, Any]]] | None = None,
        task_metrics: Mapping[str, Sequence[dict[str, Any]]] | None = None,
        num_workers: int = 0,
    ) -> None:
        super().__init__([])
        if num_workers < 0:
            raise ConfigError(f'num_workers {num_workers} must be 0 or more')
        self._workers = MeasurementWorkers(num_workers)
        self._type_configs = dict(metrics or {})
        self._task_configs = dict(task_metrics or {})
        for name in self._type_configs:
            if name not in TASK_TYPES:
                raise ConfigError(f'metrics are given for {name!r}, which is none of {", ".join(TASK_TYPES)}')
        for name, configs in {**self._type_configs, **self._task_configs}.items():
            if not isinstance(configs, Sequence) or not configs:
                raise ConfigError(f'metrics of {name!r} must be a list of configs with at least one, not {configs!r}')
        self._tasks = TaskTable()
        self._metrics: dict[str, TaskMetrics] = {}
        self._images: dict[str, list[_ImageResults]] = {}
        self.result: EvaluationResult | None = None

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """The data set's metainfo, whose ``tasks`` describe the tasks."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict[str, Any]) -> None:
        """Build the metrics of the tasks, so that a wrong config fails before training starts."""
        if 'tasks' not in dataset_meta:
            raise ConfigError(
                f"MultiTaskEvaluator needs the data set's metainfo to list its 'tasks'; it has {sorted(dataset_meta)}"
            )
        self._dataset_meta = dataset_meta
        self._tasks = TaskTable(dataset_meta['tasks'])
        for name in self._task_configs:
            if name not in self._tasks:
                raise ConfigError(f'task_metrics names {name!r}, which is no task of the data set: {self._tasks!r}')
        self._metrics = {task.name: TaskMetrics(self._configs_of(task), task) for task in self._tasks.values()}
        for metrics in self._metrics.values():
            metrics.try_foreign()
        self._images = {}

    def process(
        self, data_samples: Sequence[MultiTaskDataSample | TaskDataSample | Mapping[str, Any]], data_batch: Any = None
    ) -> None:
        """Pass each sample to the metrics of its task.

        Args:
            data_samples: Samples of images or of single tasks, with annotations and predictions; or samples of single
                tasks as nested dicts.
            data_batch: The batch that the model got; it is passed on to the metrics.

        Raises:
            ConfigError: If a sample's task is unknown, or a metric does not keep exactly one result for each sample.
        """
        for sample in _as_dicts(data_samples):
            task = self._task_of(sample)
            is_finite = bool(sample.get('outputs_are_finite', True))
            results = self._metrics_of(task).measure(sample, data_batch, self._workers) if is_finite else []
            image = _ImageResults(sample['img_id'], sample.get('img_path'), results, is_finite)
            self._images.setdefault(task.name, []).append(image)

    def evaluate(self, size: int) -> dict[str, float]:
        """Compute the scores of all tasks; every process gets them.

        Args:
            size: Number of samples in the data set. A warning is logged if fewer were processed.

        Returns:
            ``<task>/<metric>`` for every metric, ``<task>/primary``, ``type/<type>``, ``task_mean`` and ``score``,
            see :func:`aggregate_scores`.

        Raises:
            DataError: If no sample was processed, or two images have the same ``img_id``.
            ConfigError: If two metrics of a task return a score of the same name.
        """
        self._finish()
        # One gather for all tasks: processes without a sample of a task must take part as well.
        images = self._merge(all_gather_object(self._images))
        outcome: list[Any] = [None]  # the scores, or an error
        if is_main_process():
            try:
                self.result = self._compute(images, size)
                outcome = [self.result.scores]
            except AuroraError as error:  # raised below by every process, so that none is left waiting
                outcome = [error]
        broadcast_object_list(outcome)
        self._metrics.clear()  # the next evaluation builds new ones
        self._images = {}
        if isinstance(outcome[0], AuroraError):
            raise outcome[0]
        return outcome[0]

    def _finish(self) -> None:
        """Replace futures by their results, and stop the workers."""
        for images in self._images.values():
            for image in images:
                image.results[:] = finished(image.results, self._workers)
        self._workers.stop()

    def _merge(self, parts: Iterable[Mapping[str, list[_ImageResults]]]) -> dict[str, list[_ImageResults]]:
        """Merge the images of all processes by task, in table order, each once and sorted by ``img_id``."""
        unique: dict[str, dict[int, _ImageResults]] = {name: {} for name in self._tasks}
        for part in parts:
            for name, images in part.items():
                for image in images:
                    known = unique[name].setdefault(image.img_id, image)
                    if known.img_path != image.img_path:
                        raise DataError(
                            f'task {name!r}: two images have img_id {image.img_id}: '
                            f'{known.img_path} and {image.img_path}'
                        )
        merged = {name: [images[i] for i in sorted(images)] for name, images in unique.items() if images}
        if not merged:
            raise DataError('there is nothing to evaluate: no sample was processed')
        return merged

    def _compute(self, images: Mapping[str, list[_ImageResults]], size: int) -> EvaluationResult:
        """Compute all scores from the images of all processes and log them as a table."""
        scores: dict[str, float] = {}
        primaries: dict[str, float] = {}
        rows: list[ResultRow] = []
        scored: dict[str, dict[str, float]] = {}
        logger = MMLogger.get_current_instance()
        finite = {name: of_task for name, of_task in images.items() if all(image.is_finite for image in of_task)}
        for name in [name for name in images if name not in finite]:
            paths = [str(image.img_path) for image in images[name] if not image.is_finite]
            logger.warning(
                f'task {name}: outputs of the model are not finite on {len(paths)} of {len(images[name])} images, so '
                f'that the task is not scored: {first_few(paths, _NAMED)}'
            )
        for name, of_task in finite.items():
            found = self._metrics_of(self._tasks[name]).compute([image.results for image in of_task])
            scored[name] = found.scores
            scores.update({f'{name}/{key}': value for key, value in found.scores.items()})
            primaries[name] = found.primary
            rows += found.rows
        processed = sum(map(len, images.values()))
        if processed < size:
            logger.warning(f'the scores cover {processed} of the {size} samples of the data set')
        per_task = self._dataset_meta.get('images_per_task', dict.fromkeys(self._tasks, 1))
        tasks = self._tasks.only({*images, *(name for name, number in per_task.items() if number)})
        scores.update(aggregate_scores(primaries, tasks))
        columns = {name: self._metrics_of(task).columns(scored.get(name, ())) for name, task in tasks.items()}
        counts = {name: len(finite.get(name, ())) for name in tasks}
        result = EvaluationResult(tasks, counts, scores, columns, rows)
        logger.info('\n' + console_text(score_table(result)))
        return result

    def _configs_of(self, task: Task) -> Sequence[dict[str, Any]]:
        default = [dict(type=metric_of_row(task.task_type.metric)[1])]
        return self._task_configs.get(task.name, self._type_configs.get(task.type, default))

    def _task_of(self, sample: Mapping[str, Any]) -> Task:
        for key in ('task', 'img_id'):
            if key not in sample:
                raise ConfigError(f'MultiTaskEvaluator needs {key!r} on every sample; it has {sorted(sample)}')
        if sample['task'] not in self._tasks:
            raise ConfigError(f'a sample is of task {sample["task"]!r}, which is none of the data set: {self._tasks!r}')
        return self._tasks[sample['task']]

    def _metrics_of(self, task: Task) -> TaskMetrics:
        if task.name not in self._metrics:
            self._metrics[task.name] = TaskMetrics(self._configs_of(task), task)
        return self._metrics[task.name]


def _as_dicts(
    data_samples: Iterable[MultiTaskDataSample | TaskDataSample | Mapping[str, Any]],
) -> Iterator[Mapping[str, Any]]:
    """Convert samples to the nested dicts of single tasks that metrics read, on the CPU."""
    samples = list(data_samples)
    elements = to_host(list(task_samples_of(s for s in samples if not isinstance(s, Mapping))))
    yield from (sample for sample in samples if isinstance(sample, Mapping))
    yield from (element.to_dict() for element in elements)
