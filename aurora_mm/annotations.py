"""The interface of annotations: one class for each task type reads, checks, warps and packs them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aurora_mm.errors import DataError
from aurora_mm.structures import TaskDataSample
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

if TYPE_CHECKING:
    from aurora_mm.challenge.csv_cells import Files


class Annotation(ABC):
    """Base class of the annotations of one task type: reads, checks, warps and packs them.

    Each method is called at one place:

    - :meth:`parse` by the data set, for each row of a CSV file,
    - :meth:`load` by the transform ``LoadTaskAnnotations``,
    - :meth:`in_view` by ``RandomGeometry``,
    - :meth:`warp` by ``ApplyGeometry``,
    - :meth:`jitter` by ``LandmarkJitter``,
    - :meth:`pack` by ``PackMultiTaskInputs``,
    - :meth:`fault` after each transform of another package,
    - :meth:`mixed` by :class:`aurora_mm.models.batch_augments.RandomBatchAugment`, if :attr:`mixable` is true.

    A subclass must define ``keys``, ``csv_columns``, :meth:`parse` and :meth:`pack`. An annotation without pixel
    coordinates, such as a number for the whole image, needs no other method. One instance serves all tasks of its
    type, so it keeps no state.

    In the pipeline, ``row`` is the dict of one image and one task. It contains what :meth:`parse` returned and:

    - the task: ``task``, ``task_type``, ``num_outputs``, ``flip_indices``,
    - the files: ``img_path``, ``csv_file``, ``csv_row``,
    - the geometry: ``ori_shape`` and ``img_shape``, both (height, width) in pixels, ``homography_matrix``, (3, 3) from
      original to network coordinates, and ``flip``, whether the image is mirrored.

    Attributes:
        keys: Keys of a data set's item. An item with any of them has an annotation.
        csv_columns: CSV columns that a labelled row needs, if they are the same for all tasks of the type.
        mixable: Whether images with this annotation may be mixed by CutMix and mixup. This needs an annotation without
            pixel coordinates that can be a mixture, such as a class.
        repeated_hint: Hint for the error about an image with two different annotations for one task.
        empty_hint: Hint for the error about an empty cell.

    Example:
        >>> class AgeAnnotation(Annotation): ...
        >>> ANNOTATIONS['age'] = AgeAnnotation()
    """

    keys: tuple[str, ...]
    csv_columns: tuple[str, ...] = ()
    mixable = False
    repeated_hint = ''
    empty_hint = ''

    def columns(self, task: Task) -> tuple[str, ...]:
        """Return the CSV columns that a labelled row of the task needs."""
        return self.csv_columns

    @abstractmethod
    def parse(self, cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
        """Read the annotation from the cells of a CSV row.

        Args:
            cells: Text of each cell, by column. The cells of :meth:`columns` are not empty.
            task: The task of the row.
            files: Finds the files that cells refer to.

        Returns:
            The annotation's keys and values in an item of the data set: numbers, text and lists.

        Raises:
            BadRow: If a cell is malformed, or its value is not valid for the task.
        """

    def format(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        """Convert an annotation to the cells of a CSV row; the inverse of :meth:`parse`.

        Args:
            annotation: What :meth:`parse` returns.

        Returns:
            Value of each cell, by column.

        Raises:
            DataError: If annotations of this type cannot be written to CSV files.
        """
        raise DataError(f'{type(self).__name__} writes no CSV files')

    def moved_paths(self, cells: Mapping[str, str], move: Callable[[str], str]) -> dict[str, str]:
        """Return the cells of a labelled row that hold paths, with each path changed, for a CSV file elsewhere.

        The columns ``image_path`` and ``mask_path`` are not among them, because all types may have them.

        Args:
            cells: Text of each cell, by column.
            move: Changes a path relative to ``csv_files``.
        """
        return {}

    def is_given(self, cells: Mapping[str, str], task: Task, files: Files) -> bool:
        """Return whether a row has a label, valid or not.

        Args:
            cells: Text of each cell, by column. Any may be empty.
            task: The task of the row.
            files: Finds the files that cells refer to.
        """
        return any(cells.get(column) for column in self.columns(task))

    def stratum(self, annotation: Mapping[str, Any]) -> int:
        """Return the stratum of an image for a stratified split: its class in classification, else 0.

        Args:
            annotation: What :meth:`parse` returns.
        """
        return 0

    def load(self, row: dict[str, Any]) -> None:
        """Add the annotation to ``row`` as arrays, in original coordinates, and check that it fits the image.

        Args:
            row: Changed in place.

        Raises:
            DataError: If the annotation does not fit the image.
        """
        return

    def in_view(self, row: Mapping[str, Any], homography_matrix: NDArray[np.float64]) -> bool:
        """Return whether enough of the annotation stays inside the network input.

        Args:
            row: Contains the annotation in original coordinates. It is not changed.
            homography_matrix: (3, 3), the map from original to network coordinates to be tried.
        """
        return True

    def warp(self, row: dict[str, Any]) -> None:
        """Map the annotation in ``row`` from original to network coordinates by ``row['homography_matrix']``.

        If ``row['flip']`` is true, points and classes are also permuted by ``flip_indices``.

        Args:
            row: Changed in place.
        """
        return

    def jitter(self, row: dict[str, Any], sigma: float) -> None:
        """Move each annotated point at random. Annotations of other types stay as they are.

        Args:
            row: Contains the annotation in network coordinates. Changed in place.
            sigma: Standard deviation of the Gaussian noise that is added to x and to y, in pixels of the network input.
        """
        return

    def fault(self, row: Mapping[str, Any]) -> str | None:
        """Say why the annotation in ``row`` cannot be right after a transform of another package, or None if it can.

        Args:
            row: Contains the annotation as :meth:`load`, :meth:`warp` or a transform left it, and ``gt_coordinates``.

        Returns:
            Half a sentence with the key and the value.
        """
        return None

    @abstractmethod
    def pack(self, row: Mapping[str, Any], sample: TaskDataSample) -> None:
        """Set the annotation as the ``gt_...`` fields of a data sample.

        Args:
            row: Contains the annotation as :meth:`load` and :meth:`warp` left it.
            sample: Changed in place.
        """

    def mixed(self, sample: TaskDataSample, other: TaskDataSample, fraction: float) -> TaskDataSample:
        """Return the data sample of a mixed image, with the same mixture of both annotations.

        Args:
            sample: The sample of one image. It is not changed.
            other: The sample of the other image, of the same task. It is not changed.
            fraction: Fraction of the first image in the mixed image, in [0, 1].

        Raises:
            DataError: If annotations of this type cannot be mixed (:attr:`mixable` is false).
        """
        raise DataError(f'{type(self).__name__} cannot be mixed')

    def metainfo(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return further metainfo for a sample whose annotation is in original coordinates.

        Args:
            row: Contains the annotation in original coordinates.
        """
        return {}


ANNOTATIONS: ByTaskType[Annotation] = ByTaskType('annotation', location='aurora_mm.datasets.annotations')


def row_error(row: Mapping[str, Any], message: str) -> DataError:
    """Create an error that names the CSV file and the line of a row."""
    return DataError(message, file=row.get('csv_file'), row=row.get('csv_row'))
