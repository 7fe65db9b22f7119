"""What a metric keeps of an image."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One target of one image of one task, as a metric measured it: a row of ``per_image.csv``.

    ``row['DSC']`` is a value; the metric's ``row_columns`` and ``row_data`` list what there is.

    Args:
        task: Name of the task.
        metric: Registered name of the metric, after its prefix and ``/`` if it has one.
        target: Name of the foreground class or point; in classification of the true class, in detection of the true
            box's class.
        img_id: Position in the data set; with ``task`` and ``metric`` it marks the rows of one image.
        image_path: The CSV's own text; with ``task`` the key of the submission's JSON lists.
        mask_path: The CSV's own text: the true mask is ``csv_files/<mask_path>`` under the data root, the predicted
            one ``<mask_path without ../>`` under the submission folder; ``''`` where there is no mask.
        img_path: File of the image.
        group: Patient or other group; ``''`` if the data set has no group column.
        height: Of the original image, in pixels.
        width: Of the original image, in pixels.
        values: By the metric's own names: numbers, lists of numbers, or None.
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
        """Of the image, in pixels."""
        return math.hypot(self.height, self.width)


def cell_matrix(images: Sequence[Sequence[ResultRow]], name: str) -> NDArray[Any]:
    """(N, T) or (N, T, ...) the values of one name, of N images with T rows each."""
    return np.array([[row[name] for row in rows] for rows in images])


def rows_by_image(rows: Iterable[ResultRow]) -> dict[tuple[str, str], list[list[ResultRow]]]:
    """The rows of each image, for each task and metric: ``{(task, metric): [rows of an image, ...]}``.

    Tasks, metrics and images are in the order in which they occur.
    """
    images: dict[tuple[str, str], dict[int, list[ResultRow]]] = {}
    for row in rows:
        images.setdefault((row.task, row.metric), {}).setdefault(row.img_id, []).append(row)
    return {key: list(of_task.values()) for key, of_task in images.items()}


def is_number(value: Any) -> bool:
    """Whether a value of a file is a number that a float can hold, neither NaN nor infinite."""
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:
        return False


def are_numbers(values: Any, count: int) -> bool:
    """Whether a value of a file is a list of so many numbers."""
    return isinstance(values, list) and len(values) == count and all(map(is_number, values))
