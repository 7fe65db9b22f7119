"""The base of metrics, which hold everything that is specific to what they measure."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from mmengine.evaluator import BaseMetric
from numpy.typing import NDArray

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.functional import weighted_mean, weighted_mean_of_known
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.evaluation.metrics.result_row import ResultRow, cell_matrix, is_number, known_cells
from aurora_mm.registry import METRICS

Floats = NDArray[np.float64]


class TaskMetric(BaseMetric):
    """The base of this package's metrics.

    A subclass measures one image at a time (:meth:`measure`) and computes the scores of a task from the rows of its
    images (:meth:`aggregate`). It declares which score represents the task (:attr:`headline`) and the names and units
    of its numbers (:attr:`columns`, :attr:`row_columns`). If the defaults do not fit, it also says which of two images
    is better (:meth:`rank_by`) and which values rows from a file may hold (:meth:`check`). Scores, confidence
    intervals, breakdowns, tables and the report use only the class, so a metric is one file.
    ``dataset_meta['classes']`` holds the names of the classes or points.

    Register a subclass in :data:`aurora_mm.registry.METRICS`, because rows hold the name of their metric.

    Attributes:
        task_type (str): Type of the tasks that it measures.
        columns (tuple[Column, ...]): Scores of a task, the most important ones first. :meth:`aggregate` may return
            more, which are only written to ``metrics.json``.
        headline (str): Name of the column that represents a task.
        primary_text (str): How :meth:`primary` follows from the headline, in words; ``''`` if it is the headline.
        row_columns (tuple[Column, ...]): Numbers of a row, the most important ones first.
        row_data (tuple[str, ...]): Names of other values of a row. Reports use ``size`` (the target's fraction of the
            image area), ``truth``, ``pred`` and ``probs``.
        may_be_empty (tuple[str, ...]): Names in ``row_data`` whose value may be None.
        rows_per_image (str): 'one' if an image has one row; 'each' if one for each name, in their order; 'labelled' if
            one for each name that is labelled, at least one and in their order; or 'any'.
        has_masks (bool): Whether truth and prediction are masks, which are in files and not in rows.
        has_agreement (bool): Whether ``truth`` and ``pred`` of a row are numbers, which reports draw against each
            other.
    """

    default_prefix = ''  # no prefix, and no warning that there is none

    task_type: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    headline: ClassVar[str]
    primary_text: ClassVar[str] = ''
    row_columns: ClassVar[tuple[Column, ...]]
    row_data: ClassVar[tuple[str, ...]] = ()
    may_be_empty: ClassVar[tuple[str, ...]] = ()
    rows_per_image: ClassVar[Literal['one', 'each', 'labelled', 'any']] = 'any'
    has_masks: ClassVar[bool] = False
    has_agreement: ClassVar[bool] = False

    @property
    def names(self) -> Sequence[str]:
        """Names of the task's classes or points."""
        names: Sequence[str] = self.dataset_meta['classes']
        return names

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Measure each sample and keep its rows.

        Args:
            data_batch: Not used.
            data_samples: Samples as nested dicts.
        """
        self.results.extend(self.measure(sample) for sample in data_samples)

    def compute_metrics(self, results: list[list[ResultRow]]) -> dict[str, float]:
        """Compute the scores of a task.

        Args:
            results: The rows of each image, from :meth:`measure`.

        Returns:
            Scores by name.
        """
        return self.scores(results)

    @abstractmethod
    def measure(self, sample: Mapping[str, Any]) -> list[ResultRow]:
        """Measure one image.

        Args:
            sample: A sample of the task as nested dicts, with annotation and prediction in original coordinates.

        Returns:
            One row for each target; see :meth:`row`.
        """

    @classmethod
    def aggregate(cls, images: Sequence[Sequence[ResultRow]], weights: Floats) -> dict[str, Floats]:
        """Compute the scores of many resamples of a task's images at once.

        By default a score is the number of the same name in the rows, averaged over the targets of an image, then over
        images; an optional one over the images that have it. A score that no image has is left out.

        Args:
            images: The rows of each of N images.
            weights: (R, N), how often each of R resamples contains each image.

        Returns:
            The values (R,) of each score by name; nan where it is not defined.
        """
        scores = {}
        for column in cls.columns:
            if not column.optional:
                scores[column.name] = weighted_mean(cell_matrix(images, column.name).mean(axis=1), weights)
            elif not np.isnan(cells := known_cells(images, column.name)).all():
                scores[column.name] = weighted_mean_of_known(cells.mean(axis=1), weights)
        return scores

    @classmethod
    def scores(cls, images: Sequence[Sequence[ResultRow]]) -> dict[str, float]:
        """Compute the scores of a task, with each image counted once.

        Args:
            images: The rows of each image.

        Returns:
            Scores by name; nan where one is not defined.
        """
        scores = cls.aggregate(images, np.ones((1, len(images))))
        return {name: float(value) for name, (value,) in scores.items()}

    @classmethod
    def primary(cls, scores: Mapping[str, Any]) -> Any:
        """Compute the primary score, a number in [0, 1] of which more is better and that enters the overall score.

        Args:
            scores: Scores by name, as :meth:`aggregate` (arrays) or :meth:`scores` (numbers) returns them.

        Returns:
            An array or a number, like the scores.
        """
        return scores[cls.headline]

    @classmethod
    def row_scores(cls, rows: Sequence[ResultRow]) -> dict[Column, float]:
        """Average the numbers of rows, for breakdowns by class, point or size.

        Args:
            rows: Rows of any images of a task.

        Returns:
            The means by column; without an optional column that no row has.
        """
        return {
            column: float(np.mean([row[column.name] for row in rows if cls._has(row, column)]))
            for column in cls.row_columns
            if any(cls._has(row, column) for row in rows)
        }

    @classmethod
    def rank_by(cls, rows: Sequence[ResultRow]) -> tuple[float, ...]:
        """Return the values by which an image is ranked within its task: higher is better, later values break ties.

        Optional columns do not count, since images without them could not be ranked among those that have them.

        Args:
            rows: Rows of the image.
        """
        means = {column: mean for column, mean in cls.row_scores(rows).items() if not column.optional}
        return tuple(mean if column.higher_is_better else -mean for column, mean in means.items())

    @classmethod
    def describe(cls, rows: Sequence[ResultRow]) -> str:
        """Describe the result of an image, target by target.

        Args:
            rows: Rows of the image.
        """
        brief = [column for column in cls.row_columns if column.brief]
        parts = (', '.join(c.named_text(row[c.name]) for c in brief if cls._has(row, c)) for row in rows)
        return '; '.join(f'{row.target}: {part}' for row, part in zip(rows, parts, strict=True))

    @classmethod
    def caption(cls, rows: Sequence[ResultRow]) -> str:
        """Describe the result of an image in two or three words.

        Args:
            rows: Rows of the image.
        """
        column, mean = next(iter(cls.row_scores(rows).items()))
        return column.named_text(mean)

    @classmethod
    def check(cls, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Check that the rows of an image, read from a file, are possible results of :meth:`measure`.

        By default the targets must be different, known names, as many as :attr:`rows_per_image` says, and all numbers
        finite. A metric whose rows hold more values checks those as well.

        Args:
            rows: Rows of the image.
            names: Names of all targets: the foreground classes of a mask, the points, or the classes of a label.

        Raises:
            ValueError: If they are not. The message gives the value.
        """
        targets = [row.target for row in rows]
        if len({*targets}) != len(targets):
            raise ValueError(f'an image has a target twice: {targets}')
        for row in rows:
            if row.target not in names:
                raise ValueError(f'target {row.target!r} is none of {list(names)}')
            for column in cls.row_columns:
                if cls._has(row, column) and not is_number(row[column.name]):
                    raise ValueError(f'{column.name} is {row[column.name]!r}, not a number')
            if 'size' in cls.row_data and not (is_number(row['size']) and 0 <= row['size'] <= 1):
                raise ValueError(f'size is {row["size"]!r}, not a share of the image')
        if cls.rows_per_image == 'one' and len(rows) != 1:
            raise ValueError(f'an image has {len(rows)} rows, not one')
        if cls.rows_per_image == 'each' and targets != list(names):
            raise ValueError(f'an image has rows of {targets}, not of {list(names)}')
        if cls.rows_per_image == 'labelled' and targets != [name for name in names if name in targets]:
            raise ValueError(f'an image has rows of {targets}, which is not the order of {list(names)}')

    @staticmethod
    def _has(row: ResultRow, column: Column) -> bool:
        """Return whether a row has the number of a column, as all rows have but for optional columns."""
        return not column.optional or column.name in row.values

    @classmethod
    def restore(cls, sample: Any, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Set truth and prediction of an image on a sample, to draw them. By default rows hold neither.

        Args:
            sample: The sample of the image; coordinates are in original pixels.
            rows: Rows of the image.
            names: Names of the task's classes or points.
        """

    def row(self, sample: Mapping[str, Any], target: str, **values: Any) -> ResultRow:
        """Build the row of one target of a sample.

        Args:
            sample: The sample as nested dicts; it gives task, files and size of the image.
            target: Name of the target.
            values: A value for every name in :attr:`row_columns` and :attr:`row_data`; optional columns may be left
                out.
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
    """Return the prefix and the class of the metric that a row names.

    Args:
        name: ``metric`` of a :class:`ResultRow`.

    Raises:
        ConfigError: If no such TaskMetric is registered.
    """
    prefix, slash, registered = name.rpartition('/')
    # MMEngine would import the module of a name with dots, and the name may come from a file.
    metric = METRICS.get(registered) if registered.isidentifier() else None
    if metric is None or not issubclass(metric, TaskMetric):
        raise ConfigError(
            f'{registered!r} is no TaskMetric in aurora_mm.registry.METRICS. Is the module imported that registers it?'
        )
    return prefix + slash, metric
