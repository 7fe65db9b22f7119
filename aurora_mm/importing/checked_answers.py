"""Labels that are compared with their images when they are read, whatever layout they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from aurora_mm.datasets.annotations.image_checks import check_inside
from aurora_mm.errors import DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.image_file import ImageFile
from aurora_mm.images.reading import open_image_file
from aurora_mm.images.sources import split_source
from aurora_mm.importing.answers import has_place
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.structures import points_array


def with_checked_answers(found: FoundTask) -> FoundTask:
    """Return a task whose answers raise an error where they do not fit their images, as training would.

    An answer is refused whose mask has another size than the image, whose boxes or points lie outside of it, or whose
    boxes have no area. So is one with a place whose image file holds several pictures, of which none is named, or is
    stored turned by its EXIF data.

    Args:
        found: The task. Its answers are read when the rows are written, and so they are checked then.
    """
    rows = [replace(row, answer=partial(_checked, row, found.task.name)) for row in found.rows]
    return replace(found, rows=rows)


def _checked(row: FoundRow, task: str) -> dict[str, Any] | None:
    answer = row.answer()
    if answer is not None and has_place(answer):
        _check_fits(answer, _place_of(row, task))
    return answer


def _place_of(row: FoundRow, task: str) -> dict[str, Any]:
    """Return what :func:`check_inside` reads of a row of a data root."""
    place = dict(task=task, img_path=row.image, csv_file=row.image)
    if row.pixels is not None:
        return dict(place, ori_shape=row.pixels().shape[:2], orientation=1)
    path, frame = split_source(row.image)
    with naming(path):
        file = _opened(path)
        return dict(place, ori_shape=file.shape(frame), orientation=file.orientation)


@lru_cache(maxsize=1)
def _opened(path: Path) -> ImageFile:
    """Return the reader of a file, the same one for all frames of a clip, which it goes through in order."""
    return open_image_file(path)


def _check_fits(answer: Mapping[str, Any], place: Mapping[str, Any]) -> None:
    for key in ('mask', 'class_masks'):
        if key in answer:
            _check_mask(answer[key], place)
    boxes = np.asarray(answer.get('bboxes', [answer['bbox']] if 'bbox' in answer else []), np.float64).reshape(-1, 4)
    for box in boxes:
        check_inside('box', box.reshape(2, 2), place)
        if box[2] <= box[0] or box[3] <= box[1]:
            raise DataError(f'the box {box.tolist()} of {place["task"]!r} has no area', file=place['img_path'])
    if 'points' in answer:
        check_inside('points', points_array(answer['points']), place)


def _check_mask(mask: np.ndarray, place: Mapping[str, Any]) -> None:
    if place['orientation'] != 1:
        raise DataError(
            f'is stored in orientation {place["orientation"]} by its EXIF data: its mask may be of the picture before '
            'or after it is turned. Save the image without EXIF data, as it was when it was labelled',
            file=place['img_path'],
        )
    if mask.shape[-2:] != tuple(place['ori_shape']):
        raise DataError(
            f'has (height, width) {tuple(place["ori_shape"])}, but its mask for {place["task"]!r} has '
            f'{mask.shape[-2:]}',
            file=place['img_path'],
        )
