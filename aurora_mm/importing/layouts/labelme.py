from __future__ import annotations

import base64
import json
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from aurora_mm.errors import DataError
from aurora_mm.importing.found import FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.shapes import (
    DrawnImage,
    Shape,
    ellipse,
    mask_region,
    point,
    polygon,
    rectangle,
    tasks_of_shapes,
)
from aurora_mm.importing.tree import Tree, composed, split_of_path
from aurora_mm.importing.unpaired import tell_unpaired

_KNOWN = ('polygon', 'circle', 'mask', 'rectangle', 'oriented_rectangle', 'point')


class LabelMe(Layout):
    """Shapes as LabelMe saves them: ``a.json`` beside ``a.png``.

    Polygons, circles and masks are areas, and rectangles boxes; of a rotated rectangle the box around it is taken. See
    :func:`aurora_mm.importing.shapes.tasks_of_shapes` for the tasks that shapes make. An image has the size that its
    file lists.
    """

    name = 'LabelMe'
    options = ('name', 'classes', 'objects', 'missing_points')

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return any(_is_labelme(tree.path(file)) for _, file in self._pairs(tree)[:3])

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        image_of: dict[PurePosixPath, PurePosixPath] = {}
        images, flagged = [], 0
        pairs = self._pairs(tree)
        texts = {text for _, text in pairs}
        tell_unpaired(tree, [image for image, _ in pairs], [t for t in tree.ending('.json') if t not in texts])
        for image, text in pairs:
            if (other := image_of.setdefault(text, image)) != image:
                raise DataError(f'may be of {other.name} or of {image.name}; remove one', file=tree.path(text))
            content = _read(tree.path(text))
            flagged += any((content.get('flags') or {}).values())
            size = content['imageHeight'], content['imageWidth']
            images.append(
                DrawnImage(image, tree.path(text), content['shapes'], size, split_of_path(image), is_alone=True)
            )
        if flagged:
            tree.warn(f'the flags of {flagged} images are not read')
        return tasks_of_shapes(images, tree, options)

    def _pairs(self, tree: Tree) -> list[tuple[PurePosixPath, PurePosixPath]]:
        files = {_name(file): file for file in tree.ending('.json')}
        return [(image, files[name]) for image in tree.images if (name := _name(image)) in files]


def _name(file: PurePosixPath) -> str:
    return composed(file.with_suffix('').as_posix())


def _is_labelme(file: Path) -> bool:
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, OSError, RecursionError):
        return False
    return isinstance(content, dict) and isinstance(content.get('shapes'), list)


def _read(file: Path) -> dict[str, Any]:
    """Return the content of a file, with its shapes as :class:`Shape`.

    Raises:
        DataError: If it is none of LabelMe, or has a shape of a kind that is not read.
    """
    try:
        content: dict[str, Any] = json.loads(file.read_bytes())
        for key in ('imageHeight', 'imageWidth'):
            if not isinstance(content[key], int) or not 0 < content[key] < 100_000:
                raise ValueError(f'{key} is {content[key]!r}')
        kinds = {_kind_of(shape) for shape in content['shapes']}
        if unknown := kinds - set(_KNOWN):
            raise DataError(f'has shapes of type {sorted(unknown)}; {", ".join(_KNOWN)} are known', file=file)
        content['shapes'] = [_shape(shape, content, file) for shape in content['shapes']]
        return content
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as error:
        raise DataError(f'is no file of LabelMe ({type(error).__name__}: {str(error)[:100]})', file=file) from error


def _kind_of(shape: dict[str, Any]) -> str:
    return str(shape.get('shape_type') or 'polygon')  # the first versions knew polygons alone


def _shape(shape: dict[str, Any], content: dict[str, Any], file: Path) -> Shape:
    label, kind = str(shape['label']), _kind_of(shape)
    points = np.array(shape['points'], float)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f'points {str(shape["points"])[:60]}')
    if kind == 'polygon':
        return polygon(label, points.tolist())
    if kind == 'circle':
        radius = float(np.hypot(*(points[1] - points[0])))
        return ellipse(label, points[0], (radius, radius))
    if kind == 'mask':
        size = content['imageHeight'], content['imageWidth']
        return mask_region(label, partial(_painted, shape['mask'], points.min(0).astype(int).tolist(), size, file))
    if kind == 'point':
        return point(label, points[0])
    return rectangle(label, [*points.min(0), *points.max(0)])


def _painted(text: str, corner: list[int], size: tuple[int, int], file: Path) -> np.ndarray:
    """Return the (H, W) bool mask of a picture in base64 whose top left pixel lies at a corner, x and y."""
    try:
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(text, validate=True), np.uint8), cv2.IMREAD_GRAYSCALE)
    except (ValueError, TypeError, cv2.error):
        picture = None
    x, y = corner
    if picture is None or min(x, y) < 0 or y + picture.shape[0] > size[0] or x + picture.shape[1] > size[1]:
        raise DataError(f'has a mask that is no picture within its {size[1]} x {size[0]} pixels', file=file)
    mask = np.zeros(size, bool)
    mask[y : y + picture.shape[0], x : x + picture.shape[1]] = picture > 0
    return mask
