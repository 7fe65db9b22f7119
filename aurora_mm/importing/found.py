"""What a layout finds in a folder: tasks and their rows, before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aurora_mm.images.pixel_spacing import SPACING_COLUMN, spacing_text
from aurora_mm.tasks import Task


@dataclass(frozen=True)
class FoundRow:
    """One image with its label for one task.

    Args:
        image: What is read: a path, with ``#frame=N`` where it is one picture of several.
        path: Where the image goes below the new data root, with ``/`` between folders.
        answer: Gives the label when it is called: a dict of ``mask`` ((H, W) uint8 class indices), ``class_masks``
            ((C, H, W) uint8: 1 inside of each class, 0 outside, 255 everywhere for a class that is not labelled),
            ``gt_label`` (int), ``bbox`` (xyxy in pixels), ``bboxes`` (N of them) with ``bboxes_labels``, or ``points``
            (K times x and y in pixels, None for a point that is not labelled); None leaves the image out.
        split: 'train', 'val', 'test', or '' for data that was not split.
        group: What must not be torn apart by a split, such as a patient; '' if it is not known.
        pixels: Gives the image when it is called, (H, W) or (H, W, 3) BGR uint8, where the file cannot be taken as it
            is; ``path`` ends with ``.png`` then.
        columns: Text of further columns of the CSV file, by their names.
        is_patient: Whether ``group`` is the patient by the user's own words. It is then taken, hashed, in place of the
            patient in the header of a DICOM image.
        is_anonymous: Whether ``path`` and ``group`` say nothing about a patient although the image is a DICOM file,
            see :func:`aurora_mm.importing.patients.hide_patients`.
    """

    image: str
    path: str
    answer: Callable[[], dict[str, Any] | None]
    split: str = ''
    group: str = ''
    pixels: Callable[[], np.ndarray] | None = None
    columns: dict[str, str] = field(default_factory=dict)
    is_patient: bool = False
    is_anonymous: bool = False


def spacing_columns(spacing: tuple[float, float] | None) -> dict[str, str]:
    """Return the column ``pixel_spacing``, JSON text of (height, width) of a pixel in mm; none if it is not known."""
    return {} if spacing is None else {SPACING_COLUMN: spacing_text(spacing)}


@dataclass
class FoundTask:
    """A task and its rows.

    Args:
        task: The task.
        rows: Of its images.
        when_read: Called when the labels of all rows were read, to log what was left out of them.
    """

    task: Task
    rows: list[FoundRow] = field(default_factory=list)
    when_read: list[Callable[[], None]] = field(default_factory=list)
