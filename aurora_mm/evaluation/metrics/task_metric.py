"""A metric that owns all that is specific to what it measures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from mmengine.evaluator import BaseMetric
from numpy.typing import NDArray

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.functional import weighted_mean
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.evaluation.metrics.result_row import ResultRow, cell_matrix, is_number
from aurora_mm.registry import METRICS

Floats = NDArray[np.float64]


class TaskMetric(BaseMetric):
    """Base of the metrics that this package knows in full.

    A subclass measures one image at a time (:meth:`measure`) and takes a task's scores from the rows of its images
    (:meth:`aggregate`). It says which score stands for the task (:attr:`headline`), how each number is called and read
    (:attr:`columns`, :attr:`row_columns`), and, where the default does not fit, which image is the better one
    (:meth:`rank_by`) and what a row of a file may hold (:meth:`check`). Scores, confidence intervals, breakdowns,
    tables and the report all ask the class, so that a metric is one file. Names of classes or points come from
    ``dataset_meta['classes']``.

    Register a subclass in :data:`aurora_mm.registry.METRICS`: rows name their metric.

    Attributes:
        task_type: Name of the type of task that it measures.
        columns: A task's scores, the most telling ones first. :meth:`aggregate` may give more, which only
            ``metrics.json`` shows.
        headline: Name of the column that a task is known by.
        primary_text: How :meth:`primary` is made of the headline, in words; ``''`` if it is the headline.
        row_columns: The numbers of a row, the most telling ones first.
        row_data: Names of a row's other values. Reports know ``size`` (the target's share of the image's area),
            ``truth``, ``pred`` and ``probs``.
        may_be_empty: Those of them that can be None.
        has_masks: Whether truth and prediction are masks, which rows do not hold but files do.
    """

    default_prefix = ''  # no prefix, and no warning about having none

    task_type: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    headline: ClassVar[str]
    primary_text: ClassVar[str] = ''
    row_columns: ClassVar[tuple[Column, ...]]
    row_data: ClassVar[tuple[str, ...]] = ()
    may_be_empty: ClassVar[tuple[str, ...]] = ()
    has_masks: ClassVar[bool] = False

    @property
    def names(self) -> Sequence[str]:
        """Names of the task's classes or points."""
        return self.dataset_meta['classes']

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Measures each sample.

        Args:
            data_batch: Not used.
            data_samples: Samples as nested dicts.
        """
        self.results.extend(self.measure(sample) for sample in data_samples)

    def compute_metrics(self, results: list[list[ResultRow]]) -> dict[str, float]:
        """Takes the scores of a task.

        Args:
            results: What :meth:`measure` gave for each image.
        """
        return self.scores(results)

    @abstractmethod
    def measure(self, sample: Mapping[str, Any]) -> list[ResultRow]:
        """Measures one image.

        Args:
            sample: Of the task, as nested dicts, with annotation and prediction.

        Returns:
            A row for each target, see :meth:`row`.
        """

    @classmethod
    def aggregate(cls, images: Sequence[Sequence[ResultRow]], weights: Floats) -> dict[str, Floats]:
        """Take the scores of many resamples of a task's images at once.

        By default each score is the mean over images of the mean over targets of the rows' number of that name.

        Args:
            images: The rows of each of N images.
            weights: (R, N) how often each of R resamples holds each image.

        Returns:
            (R,) of each score; nan where it is not defined.
        """
        return {
            column.name: weighted_mean(cell_matrix(images, column.name).mean(axis=1), weights) for column in cls.columns
        }

    @classmethod
    def scores(cls, images: Sequence[Sequence[ResultRow]]) -> dict[str, float]:
        """Takes the scores of a task, each image counted once.

        Args:
            images: The rows of each image.
        """
        undefined = {column.name: column.undefined for column in cls.columns}
        scores = cls.aggregate(images, np.ones((1, len(images))))
        return {
            name: undefined.get(name, float(value)) if np.isnan(value) else float(value)
            for name, (value,) in scores.items()
        }

    @classmethod
    def primary(cls, scores: Mapping[str, Any]) -> Any:
        """The one number in [0, 1], the higher the better, by which the task counts in the overall score.

        Args:
            scores: As :meth:`aggregate` (arrays) or :meth:`scores` (numbers) gives them.

        Returns:
            An array or a number, as they are.
        """
        return scores[cls.headline]

    @classmethod
    def row_scores(cls, rows: Sequence[ResultRow]) -> dict[Column, float]:
        """Averages the numbers of some rows, as breakdowns by class, point or size show them."""
        return {column: float(np.mean([row[column.name] for row in rows])) for column in cls.row_columns}

    @classmethod
    def rank_by(cls, rows: Sequence[ResultRow]) -> tuple[float, ...]:
        """What an image is ranked by among those of its task: the higher the better, later numbers settle ties.

        Args:
            rows: Of the image.
        """
        means = cls.row_scores(rows)
        return tuple(mean if column.higher_is_better else -mean for column, mean in means.items())

    @classmethod
    def describe(cls, rows: Sequence[ResultRow]) -> str:
        """Says how well an image went, target by target.

        Args:
            rows: Of the image.
        """
        parts = (', '.join(c.named_text(row[c.name]) for c in cls.row_columns if c.brief) for row in rows)
        return '; '.join(f'{row.target}: {part}' for row, part in zip(rows, parts, strict=True))

    @classmethod
    def caption(cls, rows: Sequence[ResultRow]) -> str:
        """Says in two or three words how well an image went.

        Args:
            rows: Of the image.
        """
        column, mean = next(iter(cls.row_scores(rows).items()))
        return column.named_text(mean)

    @classmethod
    def check(cls, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Check that the rows of an image, read from a file, are what :meth:`measure` can have made.

        By default these are targets of other names each, with finite numbers. A metric whose rows hold more checks
        more.

        Args:
            rows: Of the image.
            names: Of what there is to find: the foreground classes of a mask, the points, the classes of a label.

        Raises:
            ValueError: If they are not, with the value.
        """
        targets = [row.target for row in rows]
        if len({*targets}) != len(targets):
            raise ValueError(f'an image has a target twice: {targets}')
        for row in rows:
            if row.target not in names:
                raise ValueError(f'target {row.target!r} is none of {list(names)}')
            for column in cls.row_columns:
                if not is_number(row[column.name]):
                    raise ValueError(f'{column.name} is {row[column.name]!r}, not a number')
            if 'size' in cls.row_data and not (is_number(row['size']) and 0 <= row['size'] <= 1):
                raise ValueError(f'size is {row["size"]!r}, not a share of the image')

    @classmethod
    def restore(cls, sample: Any, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Puts truth and prediction of an image back on a sample, to be drawn. By default the rows hold neither.

        Args:
            sample: Of the image, in pixels of the original image.
            rows: Of the image.
            names: Of the task's classes or points.
        """

    def row(self, sample: Mapping[str, Any], target: str, **values: Any) -> ResultRow:
        """Makes a row for one target of a sample.

        Args:
            sample: Gives task, files and size.
            target: Name of the target.
            values: All that :attr:`row_columns` and :attr:`row_data` name.
        """
        height, width = sample['ori_shape']
        name = type(self).__name__
        return ResultRow(
            task=sample['task'],
            metric=f'{self.prefix}/{name}' if self.prefix else name,
            target=target,
            img_id=sample['img_id'],
            image_path=sample.get('image_path', ''),
            mask_path=sample.get('mask_path', ''),
            img_path=str(sample.get('img_path', '')),
            group=sample.get('group', ''),
            height=height,
            width=width,
            values=values,
        )


def metric_of_row(name: str) -> tuple[str, type[TaskMetric]]:
    """The prefix and the class of the metric that a row names.

    Args:
        name: ``metric`` of a :class:`ResultRow`.

    Raises:
        ConfigError: If no such TaskMetric is registered.
    """
    prefix, slash, registered = name.rpartition('/')
    # MMEngine imports what a name with dots in it names, and a name may come from a file.
    metric = METRICS.get(registered) if registered.isidentifier() else None
    if metric is None or not issubclass(metric, TaskMetric):
        raise ConfigError(
            f'{registered!r} is no TaskMetric in aurora_mm.registry.METRICS. Is the module imported that registers it?'
        )
    return prefix + slash, metric
