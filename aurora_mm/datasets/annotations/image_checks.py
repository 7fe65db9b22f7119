"""Checks that annotations in pixels belong to their image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aurora_mm.annotations import row_error


def check_lies_on_image(path: str, shape: tuple[int, ...], orientation: int, row: Mapping[str, Any]) -> None:
    """Check that a mask has the size and the orientation of the image of a row.

    Args:
        path: Path of the mask, for the error message.
        shape: (height, width) of the upright mask.
        orientation: EXIF orientation of the mask file, 1 to 8.
        row: Contains ``ori_shape``, (height, width). It may contain ``orientation``, the EXIF orientation of the image.

    Raises:
        DataError: If the orientations or the sizes differ.
    """
    stored = row.get('orientation', 1)
    if orientation != stored:
        raise row_error(
            row,
            f'image {row["img_path"]} is stored in orientation {stored} by its EXIF data, its mask {path} in '
            f'{orientation}: they may not lie on each other. Save both upright without EXIF data',
        )
    if shape != tuple(row['ori_shape']):
        raise row_error(
            row,
            f'mask {path} has (height, width) {shape}, its image {row["img_path"]} {tuple(row["ori_shape"])}',
        )


def check_inside(what: str, points: np.ndarray, row: Mapping[str, Any]) -> None:
    """Check that points, or corners of boxes, lie inside the image of a row.

    Args:
        what: What the points are, for the error message.
        points: (N, 2) x, y in original coordinates; nan for a point that is not labelled.
        row: Contains ``ori_shape``, (height, width). It may contain ``orientation``, the EXIF orientation from 1 to 8,
            and ``listed_shape``, the (height, width) of the image according to the annotation file.

    Raises:
        DataError: If a point lies outside the image, all points lie within its first pixel, the EXIF orientation is not
            1, or the image does not have its listed size.
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
    if points.size and np.nanmax(points) <= 1:
        raise row_error(
            row,
            f'{what} {points.ravel().tolist()} of {row["task"]!r} within the first pixel of the image '
            f'{row["img_path"]}: coordinates are in pixels, not parts of its size',
        )
