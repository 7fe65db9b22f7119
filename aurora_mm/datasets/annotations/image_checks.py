"""Whether an annotation in pixels is one of its image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aurora_mm.annotations import row_error


def check_inside(what: str, points: np.ndarray, row: Mapping[str, Any]) -> None:
    """Check points, or corners of boxes, against the image of a row.

    Args:
        what: What they are, for messages.
        points: (N, 2) x, y in pixels of the original image.
        row: The row, with ``ori_shape`` and, if known, ``orientation`` (1 to 8, as EXIF counts) and ``listed_shape``,
            the (height, width) by which the annotation file lists the image.

    Raises:
        DataError: If a point lies outside the image, the image is stored turned, or it has another size than listed.
    """
    height, width = row['ori_shape']
    if row.get('orientation', 1) != 1:
        raise row_error(
            row,
            f'image {row["img_path"]} is stored in orientation {row["orientation"]} by its EXIF data: '
            f'{what} of {row["task"]!r} may be of the picture before or after it is turned. Save the image '
            'without EXIF data, as it was when it was labelled',
        )
    if tuple(row.get('listed_shape', (height, width))) != (height, width):
        raise row_error(
            row,
            f'image {row["img_path"]} has (height, width) {(height, width)}, but is listed with '
            f'{tuple(row["listed_shape"])}, so that its {what} of {row["task"]!r} may lie elsewhere',
        )
    if (points < 0).any() or (points > (width, height)).any():
        raise row_error(
            row,
            f'{what} {points.ravel().tolist()} of {row["task"]!r} not within the image {row["img_path"]}, '
            f'{width} x {height} pixels',
        )
