"""The rows that metrics keep of images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ResultRow:
    """The measurement of one target in one image for one task: a row of ``per_image.csv``.

    ``row['DSC']`` is a value; ``row_columns`` and ``row_data`` of the metric list the names.

    Args:
        task: Name of the task.
        metric: Registered name of the metric, after its prefix and ``/`` if it has one.
        target: Name of the foreground class or point. In classification, the true class; in detection, the class of the
            true box.
        img_id: Index in the data set; ``task``, ``metric`` and ``img_id`` together identify the rows of one image.
        image_path: The text of the CSV file; with ``task`` the key of the JSON lists in a submission.
        mask_path: The text of the CSV file. The true mask is ``csv_files/<mask_path>`` under the data root, the
            predicted mask ``<mask_path without ../>`` under the submission folder; ``''`` if there is no mask.
        img_path: Path of the image file.
        group: Patient or other group; ``''`` if the data set has no groups.
        height: Height of the original image in pixels.
        width: Width of the original image in pixels.
        values: Values by the names of the metric: numbers, lists of numbers, or None. A number that the image does not
            have (:attr:`Column.optional`) is left out.
    """

    task: str
    metric: str
    target: str
    img_id: int
    image_path: str
    mask_path: str
    img_path: str
    group: str
    height: int
    width: int
    values: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def diagonal(self) -> float:
        """Diagonal of the original image in pixels."""
        return math.hypot(self.height, self.width)


def cell_matrix(images: Sequence[Sequence[ResultRow]], name: str) -> NDArray[Any]:
    """Return the values of one name for N images with T rows each, (N, T) or (N, T, ...)."""
    return np.array([[row[name] for row in rows] for rows in images])


def known_cells(images: Sequence[Sequence[ResultRow]], name: str) -> NDArray[Any]:
    """Return the numbers of an optional column for N images with T rows each, (N, T); nan where a row has none."""
    return np.array([[row.values.get(name, np.nan) for row in rows] for rows in images], np.float64)


def cells_by_target(
    images: Sequence[Sequence[ResultRow]], name: str, targets: Sequence[str], optional: bool = False
) -> NDArray[np.float64]:
    """Return the numbers of a column for N images and T targets, (N, T); nan where an image has no row of a target.

    Args:
        images: The rows of each image.
        name: Name of the column.
        targets: Names of the targets.
        optional: Whether a row may lack the number, for which nan stands too.
    """
    of_images = [
        {row.target: row.values.get(name, np.nan) if optional else row[name] for row in rows} for rows in images
    ]
    return np.array([[of_image.get(target, np.nan) for target in targets] for of_image in of_images], np.float64)


def rows_by_image(rows: Iterable[ResultRow]) -> dict[tuple[str, str], list[list[ResultRow]]]:
    """Group rows by task and metric, then by image: ``{(task, metric): [rows of an image, ...]}``.

    Tasks, metrics and images are in the order in which they first occur.
    """
    images: dict[tuple[str, str], dict[int, list[ResultRow]]] = {}
    for row in rows:
        images.setdefault((row.task, row.metric), {}).setdefault(row.img_id, []).append(row)
    return {key: list(of_task.values()) for key, of_task in images.items()}


def is_number(value: Any) -> bool:
    """Whether a value from a file is a finite number that a float can hold."""
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:
        return False


def are_numbers(values: Any, count: int) -> bool:
    """Whether a value from a file is a list of ``count`` finite numbers."""
    return isinstance(values, list) and len(values) == count and all(map(is_number, values))
