from __future__ import annotations

import csv
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from aurora_mm.errors import DataError
from aurora_mm.images.pixel_spacing import is_spacing
from aurora_mm.importing.found import FoundRow, FoundTask, spacing_columns
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.masks import mask_values_of
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.tree import Tree
from aurora_mm.measurements.ellipse import fit_ellipse
from aurora_mm.plain_numbers import plain_number
from aurora_mm.tasks import Task

_NAME = re.compile(r'^(\d+)_\d*HC\.png$')
_SIZES = 'training_set_pixel_size_and_hc.csv'
_IMAGE, _SIZE = 'filename', 'pixel size(mm)'
_POINTS = ('long_left', 'long_right', 'short_top', 'short_bottom')


class Hc18(Layout):
    """Fetal heads of van den Heuvel et al. (2018), https://zenodo.org/records/1327317.

    ``training_set`` holds ``000_HC.png`` and ``000_HC_Annotation.png``, the ellipse around the head drawn with a line
    of 3 pixels. It makes three tasks: the head's mask, the line and all within it; the box around the mask; and the
    ends of the axes of the ellipse through the mask's outermost pixels. These points count pixels, from the centre of
    the first one, as those of the data do that published figures were measured on; elsewhere in this package
    coordinates begin at the edge of the first pixel, half a pixel further to the left and up. Where the image cuts a
    head off, the mask ends at the border of the image. Images of one head share their number, which becomes the group.
    The size of an image's pixels comes from ``training_set_pixel_size_and_HC.csv`` if it is there.
    """

    name = 'HC18'
    options = ()
    reads_tables = True

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        names = {file.name for file in tree.images}
        return any(_NAME.match(name) and name.replace('.png', '_Annotation.png') in names for name in names)

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        head = FoundTask(Task('fetal_head', 'segmentation', classes=('background', 'head')))
        box = FoundTask(Task('fetal_head_det', 'detection', classes=('head',)))
        axes = FoundTask(Task('fetal_head_axes', 'landmark', points=_POINTS, swaps=(('long_left', 'long_right'),)))
        known = set(tree.images)
        sizes = _pixel_sizes(tree)
        for image in tree.images:
            match = _NAME.match(image.name)
            annotation = image.with_name(image.name.replace('.png', '_Annotation.png'))
            if match is None or annotation not in known:
                continue  # images of the test set have no annotation
            outline = _Outline(tree.path(annotation))
            for task, answer in ((head, outline.mask), (box, outline.box), (axes, outline.points)):
                columns = spacing_columns(sizes.get(image.name))
                task.rows.append(
                    FoundRow(str(tree.path(image)), f'images/{image.name}', answer, group=match[1], columns=columns)
                )
        return [head, box, axes]


def _pixel_sizes(tree: Tree) -> dict[str, tuple[float, float]]:
    """Read the sizes of the square pixels of images.

    Args:
        tree: The files.

    Returns:
        (height, width) of a pixel in mm, by the name of the image. Empty if there is no file of sizes.

    Raises:
        DataError: If there are several files of sizes, one cannot be read or lacks a column, or a size is no positive
            number.
    """
    files = [tree.path(file) for file in tree.ending(_SIZES)]
    if not files:
        return {}
    if len(files) > 1:
        raise DataError(f'holds sizes of pixels, and so does {files[0]}: leave one of them', file=files[1])
    sizes = {}
    try:
        with files[0].open(encoding='utf-8-sig', newline='') as stream:
            reader = csv.DictReader(stream, strict=True)
            if missing := [name for name in (_IMAGE, _SIZE) if name not in (reader.fieldnames or ())]:
                raise DataError(f'has no column {missing[0]!r}', file=files[0])
            for row in reader:
                size = _number(row[_SIZE])
                if size is None or not is_spacing((size, size)):
                    message = f'{_SIZE} of {row[_IMAGE]!r} is {row[_SIZE]!r}, not a positive number'
                    raise DataError(message, file=files[0], row=reader.line_num)
                sizes[row[_IMAGE]] = (size, size)
    except (OSError, UnicodeError, csv.Error) as error:
        raise DataError(f'cannot be read: {error}', file=files[0]) from error
    return sizes


def _number(text: str | None) -> float | None:
    try:
        return plain_number(text or '')
    except ValueError:
        return None


class _Outline:
    """The outline of a head, whose file is read once for all tasks.

    Args:
        file: The annotation file.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def mask(self) -> dict[str, Any]:
        """Return the mask: the line and all within it."""
        shape, contours = self._read
        mask = np.zeros(shape, np.uint8)
        cv2.drawContours(mask, contours, -1, 1, cv2.FILLED)
        return dict(mask=mask)

    def box(self) -> dict[str, Any]:
        """Return the box around the mask."""
        _, contours = self._read
        x, y, width, height = cv2.boundingRect(np.concatenate(contours)) if contours else (0, 0, 0, 0)
        return dict(bbox=[x, y, x + width, y + height])

    def points(self) -> dict[str, Any]:
        """Return the ends of the axes of the ellipse through the mask's outermost pixels.

        Raises:
            DataError: If there is no ellipse.
        """
        _, contours = self._read
        ellipse = fit_ellipse(max(contours, key=len)[:, 0].astype(float)) if contours else None
        if ellipse is None:
            raise DataError('holds no ellipse', file=self._file)
        long, short = ellipse.axis(is_long=True), ellipse.axis(is_long=False)
        return dict(points=np.concatenate([long[np.argsort(long[:, 0])], short[np.argsort(short[:, 1])]]).round(1))

    @cached_property
    def _read(self) -> tuple[tuple[int, ...], list[np.ndarray]]:
        """The shape of the image, and the outermost pixels of each part of the line, which take little memory."""
        line = (mask_values_of(self._file) > 0).astype(np.uint8)
        if any(side.any() for side in (line[0], line[-1], line[:, 0], line[:, -1])):
            line |= _within_open_line(line)
        contours, _ = cv2.findContours(line, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        return line.shape, list(contours)


def _within_open_line(line: np.ndarray) -> np.ndarray:
    """Return what lies within an ellipse that the border of the image may cut open.

    Args:
        line: (H, W) uint8, 1 on the line.

    Returns:
        (H, W) uint8, 1 in the parts beside the line that lie mostly within the ellipse through it.
    """
    inside = np.zeros_like(line)
    ellipse = fit_ellipse(np.argwhere(line)[:, ::-1].astype(float))
    if ellipse is not None:
        cv2.fillPoly(inside, [ellipse.outline().round().astype(np.int32)], 1)
    count, parts = cv2.connectedComponents(1 - line, connectivity=4)
    kept = [part for part in range(1, count) if inside[parts == part].mean() > 0.5]
    return np.isin(parts, kept).astype(np.uint8)
