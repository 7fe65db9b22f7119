"""What the true answer of a type of task looks like, from the cells of a CSV row to the fields of a data sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from aurora_mm.errors import DataError
from aurora_mm.structures import TaskDataSample
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

if TYPE_CHECKING:
    from aurora_mm.challenge.csv_cells import Files


class Annotation(ABC):
    """How the annotation of one type of task is read, checked, moved with its image, and packed.

    The data set calls :meth:`parse` for each row of a CSV file. In the pipeline, ``LoadTaskAnnotations`` calls
    :meth:`load`, ``RandomGeometry`` :meth:`in_view`, ``ApplyGeometry`` :meth:`warp` and ``PackMultiTaskInputs``
    :meth:`pack`. A subclass that has nothing to load and nothing to move, such as a number for the whole image, needs
    ``keys``, ``csv_columns``, :meth:`parse` and :meth:`pack` alone. An instance holds no state: it serves all tasks of
    the type.

    In the pipeline, ``row`` is the dict of one image and task. It holds fields of the task (``task``, ``task_type``,
    ``num_outputs``, ``flip_indices``), the files (``img_path``, ``csv_file``, ``csv_row``), the geometry (``ori_shape``
    and ``img_shape``, both (height, width), ``homography_matrix``, ``flip``) and what :meth:`parse` gave.

    Attributes:
        keys: The keys of an item one of which tells that it has an annotation.
        csv_columns: The CSV columns that a labelled row needs, where they are the same for all tasks of the type.
        repeated_hint: What to say to a user whose image has two different annotations for one task.

    Example:
        >>> class AgeAnnotation(Annotation): ...
        >>> ANNOTATIONS['age'] = AgeAnnotation()
    """

    keys: tuple[str, ...]
    csv_columns: tuple[str, ...] = ()
    repeated_hint = ''

    def columns(self, task: Task) -> tuple[str, ...]:
        """Name the CSV columns that a labelled row of the task needs."""
        return self.csv_columns

    @abstractmethod
    def parse(self, cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
        """Read the annotation from the cells of a CSV row.

        Args:
            cells: The text of each column; none of :meth:`columns` is empty.
            task: The task of the row.
            files: Finds the files that cells name.

        Returns:
            What an item of the data set holds of the annotation, in plain values.

        Raises:
            BadRow: If a cell is malformed or its value is impossible for the task.
        """

    def format(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        """Write an annotation as the cells of a CSV row: the inverse of :meth:`parse`.

        Args:
            annotation: As :meth:`parse` gives it.
        """
        raise DataError(f'{type(self).__name__} writes no CSV files')

    def is_given(self, cells: Mapping[str, str], task: Task, files: Files) -> bool:
        """Tell whether a row has a label, right or wrong; arguments as in :meth:`parse`."""
        return any(cells.get(column) for column in self.columns(task))

    def stratum(self, annotation: Mapping[str, Any]) -> int:
        """Number the group of images among which a split keeps its ratios: the class, where there is one."""
        return 0

    def load(self, row: dict[str, Any]) -> None:
        """Set the annotation in ``row`` as arrays in pixels of the original image, and check it against the image.

        Raises:
            DataError: If it does not fit the image.
        """
        return

    def in_view(self, row: Mapping[str, Any], matrix: np.ndarray) -> bool:
        """Tell whether enough of the annotation stays within the network input.

        Args:
            row: The row; the annotation is in original coordinates.
            matrix: (3, 3), from original to network coordinates.
        """
        return True

    def warp(self, row: dict[str, Any]) -> None:
        """Move the annotation in ``row`` from original to network coordinates by its ``homography_matrix``.

        Where ``flip`` is set, points and classes trade places by ``flip_indices``.
        """
        return

    @abstractmethod
    def pack(self, row: Mapping[str, Any], sample: TaskDataSample) -> None:
        """Set the annotation as fields ``gt_...`` of a data sample."""

    def metainfo(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Give further metainfo of the sample of an annotation that is in original coordinates."""
        return {}


ANNOTATIONS: ByTaskType[Annotation] = ByTaskType('annotation', location='aurora_mm.datasets.annotations')


def row_error(row: Mapping[str, Any], message: str) -> DataError:
    """Make the error of a row, which names its CSV file and line."""
    return DataError(message, file=row.get('csv_file'), row=row.get('csv_row'))
