"""The base of metrics that measure distances, in mm too where the size of pixels is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.evaluation.metrics.result_row import ResultRow
from aurora_mm.evaluation.metrics.task_metric import TaskMetric


class MillimetreMetric(TaskMetric):
    """The base of metrics that measure distances in pixels, and in mm in the images whose pixel spacing is known.

    The numbers in mm are columns that are ``optional``: rows of an image without a spacing do not have them, and the
    scores in mm are means over the images that do. A subclass lists :attr:`count` after its columns in mm.

    Attributes:
        count (Column): ``n_mm``, the number of images whose pixel spacing is known. A task without one has no scores
            in mm and no count.
    """

    count = Column('n_mm', optional=True, is_count=True)

    @classmethod
    def scores(cls, images: Sequence[Sequence[ResultRow]]) -> dict[str, float]:
        """Compute the scores of a task and count the images with numbers in mm; see :meth:`TaskMetric.scores`."""
        known = sum(cls._is_in_mm(rows) for rows in images)
        return super().scores(images) | ({cls.count.name: known} if known else {})

    @classmethod
    def check(cls, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Check that a number in mm stands in all rows of an image or in none; see :meth:`TaskMetric.check`."""
        super().check(rows, names)
        for column in cls.row_columns:
            if column.optional and len({column.name in row.values for row in rows}) > 1:
                raise ValueError(f'an image has the number {column.name} of some targets and not of all')

    @classmethod
    def _is_in_mm(cls, rows: Sequence[ResultRow]) -> bool:
        return any(column.optional and column.name in row.values for row in rows for column in cls.row_columns)


def spacing_of(sample: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return (height, width) of a pixel of a sample's image in mm, None if it is not known.

    Args:
        sample: The sample as nested dicts.
    """
    spacing = sample.get('pixel_spacing')
    return None if spacing is None else (float(spacing[0]), float(spacing[1]))
