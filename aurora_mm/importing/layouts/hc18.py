from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from aurora_mm.errors import DataError
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.masks import filled, mask_values_of
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.tree import Tree
from aurora_mm.measurements.ellipse import fit_ellipse
from aurora_mm.tasks import Task

_NAME = re.compile(r'^(\d+)_\d*HC\.png$')
_POINTS = ('long_left', 'long_right', 'short_top', 'short_bottom')


class Hc18(Layout):
    """Fetal heads of van den Heuvel et al. (2018), https://zenodo.org/records/1327317.

    ``training_set`` holds ``000_HC.png`` and ``000_HC_Annotation.png``, the ellipse around the head drawn with a line
    of 3 pixels. It makes three tasks: the head's mask, the line and all within it; the box around the mask; and the
    ends of the axes of the ellipse through the mask's outermost pixels. Images of one head share their number, which
    becomes the group.
    """

    name = 'HC18'

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
        for image in tree.images:
            match = _NAME.match(image.name)
            annotation = image.with_name(image.name.replace('.png', '_Annotation.png'))
            if match is None or annotation not in known:
                continue  # images of the test set have no annotation
            file = tree.path(annotation)
            for task, answer in ((head, _mask), (box, _box), (axes, _points)):
                row = FoundRow(
                    str(tree.path(image)),
                    f'images/{image.name}',
                    partial(answer, file),
                    group=match[1],
                )
                task.rows.append(row)
        return [head, box, axes]


def _mask(file: Path) -> dict[str, Any]:
    return dict(mask=filled(mask_values_of(file)))


def _box(file: Path) -> dict[str, Any]:
    x, y, width, height = cv2.boundingRect(filled(mask_values_of(file)))
    return dict(bbox=[x, y, x + width, y + height])


def _points(file: Path) -> dict[str, Any]:
    contours, _ = cv2.findContours(filled(mask_values_of(file)), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    ellipse = fit_ellipse(max(contours, key=len)[:, 0].astype(float)) if contours else None
    if ellipse is None:
        raise DataError('holds no ellipse', file=file)
    long, short = ellipse.axis(is_long=True), ellipse.axis(is_long=False)
    return dict(points=np.concatenate([long[np.argsort(long[:, 0])], short[np.argsort(short[:, 1])]]).round(1))
