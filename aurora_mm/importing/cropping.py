"""Images of an import cropped to the part that shows ultrasound, and labels moved with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.progress import track

from aurora_mm.images.content_region import Region, content_region
from aurora_mm.images.dicom_file import is_dicom
from aurora_mm.images.image_faults import naming, tell_spacing_fault
from aurora_mm.images.reading import read_image
from aurora_mm.images.shared_channels import share_channels, without_equal_channels
from aurora_mm.images.sources import split_source
from aurora_mm.images.ultrasound_image import UltrasoundImage
from aurora_mm.importing.answers import extent_of, shifted
from aurora_mm.importing.found import FoundRow, FoundTask, spacing_columns

CROP_COLUMN = 'crop'
"""Column of the CSV files: xyxy of the crop in pixels of the original image, as JSON."""

_MOST_FRAMES = 8  # of a clip, that are looked at


class CropReport(NamedTuple):
    """What was cropped.

    Args:
        files: Number of image files.
        cropped: How many of them are cropped.
        by_tags: How many of those by the ultrasound regions of their header, and not by their pixels.
        enlarged: How many crops were enlarged, because a label reached beyond them.
    """

    files: int
    cropped: int
    by_tags: int
    enlarged: int

    def __str__(self) -> str:
        text = f'cropped {self.cropped} of {self.files} image files'
        text += f', {self.by_tags} by the regions of their headers' if self.by_tags else ''
        return text + (f'; {self.enlarged} crops were enlarged to keep labels' if self.enlarged else '')


def crop_tasks(found: Sequence[FoundTask]) -> tuple[list[FoundTask], CropReport]:
    """Crop the images of tasks to the part that shows ultrasound.

    The part is what the ultrasound regions of a DICOM header say, or else what
    :func:`aurora_mm.images.content_region.content_region` finds; the frames of a clip have one crop. A crop is enlarged
    to contain all labels of the image. Cropped images become PNG files, and the column :data:`CROP_COLUMN` says what
    was cropped. Images without margins stay as they are.

    Args:
        found: The tasks.

    Returns:
        The tasks with cropped images and labels, and a report.

    Raises:
        DataError: If an image or a label cannot be read.
    """
    rows_of: dict[Path, list[FoundRow]] = {}
    for item in found:
        for row in item.rows:
            rows_of.setdefault(split_source(row.image)[0], []).append(row)
    crops = {file: _crop_of(rows) for file, rows in track(rows_of.items(), 'Finding what to crop')}
    paths = _Paths(row for file, rows in rows_of.items() if crops[file] is None for row in rows)
    tasks = []
    for item in found:
        rows = [(row, crops[split_source(row.image)[0]]) for row in item.rows]
        kept = [row if crop is None else _cropped(row, crop, paths) for row, crop in rows]
        tasks.append(replace(item, rows=kept))
    made = [crop for crop in crops.values() if crop is not None]
    report = CropReport(
        len(crops), len(made), sum(crop.is_tagged for crop in made), sum(crop.is_enlarged for crop in made)
    )
    return tasks, report


class _Crop(NamedTuple):
    """The crop of the images of a file.

    Args:
        box: xyxy in pixels of the original image.
        is_tagged: Whether the header of the file gives it.
        is_enlarged: Whether it was enlarged for the sake of a label.
        spacing: (height, width) of a pixel in mm, or None.
    """

    box: Region
    is_tagged: bool
    is_enlarged: bool
    spacing: tuple[float, float] | None


class _Paths:
    """PNG paths for images of any format; two images never get the same.

    Args:
        rows: Rows whose images keep their paths.
    """

    def __init__(self, rows: Iterable[FoundRow]) -> None:
        self._image_of = {(row.split, row.path): row.image for row in rows}

    def png(self, row: FoundRow) -> str:
        file, frame = split_source(row.path)
        end = '' if frame is None else f'_{frame:05d}'
        path = f'{file.with_suffix("").as_posix()}{end}.png'
        if self._image_of.setdefault((row.split, path), row.image) != row.image:
            path = f'{file.as_posix()}{end}.png'
        return path


def _cropped(row: FoundRow, crop: _Crop, paths: _Paths) -> FoundRow:
    columns = row.columns | {CROP_COLUMN: json.dumps(crop.box)} | spacing_columns(crop.spacing)
    return replace(
        row,
        path=paths.png(row),
        answer=partial(_moved, row.answer, crop.box),
        pixels=partial(_cropped_pixels, row, crop.box),
        columns=columns,
    )


def _picture(row: FoundRow) -> UltrasoundImage:
    """Read the image of a row, with the facts of its file unless the layout makes the pixels from several pictures."""
    if row.pixels is not None and not is_dicom(split_source(row.image)[0]):
        pixels = row.pixels()
        return UltrasoundImage(share_channels(pixels) if pixels.ndim == 2 else pixels, row.image)
    with naming(row.image):
        return read_image(row.image)


def _cropped_pixels(row: FoundRow, box: Region) -> np.ndarray:
    x1, y1, x2, y2 = box
    return np.ascontiguousarray(without_equal_channels(_picture(row).pixels[y1:y2, x1:x2]))


def _moved(answer: Callable[[], dict[str, Any] | None], box: Region) -> dict[str, Any] | None:
    found = answer()
    return None if found is None else shifted(found, box)


def _crop_of(rows: Sequence[FoundRow]) -> _Crop | None:
    """Return the crop of the images of one file; None if they stay whole, as do pages of different sizes."""
    images = list({row.image: row for row in rows}.values())
    chosen = [_picture(row) for row in images[:: -(-len(images) // _MOST_FRAMES)]]
    height, width = shape = chosen[0].shape
    if any(image.shape != shape for image in chosen):
        return None
    tagged = chosen[0].region
    region = tagged or content_region([image.pixels for image in chosen])
    if region is None:
        return None
    answers = [answer for row in rows if (answer := row.answer()) is not None]
    extents = [extent for answer in answers if (extent := extent_of(answer)) is not None]
    box = _around([region, *extents], shape)
    if box == (0, 0, width, height):
        return None
    file = split_source(images[0].image)[0]
    if not is_dicom(file):  # of which the log tells it when patients are hidden
        tell_spacing_fault(chosen[0], str(file))
    return _Crop(box, tagged is not None, box != region, chosen[0].facts().get('pixel_spacing'))


def _around(boxes: Iterable[Sequence[float]], shape: tuple[int, int]) -> Region:
    """Return the smallest box of whole pixels around boxes, within the image."""
    left, top, right, bottom = zip(*boxes, strict=True)
    height, width = shape
    return (
        max(int(np.floor(min(left))), 0),
        max(int(np.floor(min(top))), 0),
        min(int(np.ceil(max(right))), width),
        min(int(np.ceil(max(bottom))), height),
    )
