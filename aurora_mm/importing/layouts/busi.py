from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

import cv2

from aurora_mm.errors import DataError
from aurora_mm.importing.answers import of_label, of_union
from aurora_mm.importing.boxes import Boxes, BoxTask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.masks import mask_values_of
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.tree import Tree
from aurora_mm.tasks import Task

_CLASSES = ('normal', 'benign', 'malignant')
_NAME = re.compile(r'^(normal|benign|malignant) \((\d+)\)(_mask(_\d+)?)?\.png$')


class Busi(Layout):
    """Breast ultrasound images of Al-Dhabyani et al., Dataset of breast ultrasound images (2020).

    Folders ``normal``, ``benign`` and ``malignant`` hold ``benign (1).png``, ``benign (1)_mask.png`` and, for further
    lesions, ``benign (1)_mask_1.png``. It makes four tasks: of benign and malignant images the mask of all lesions
    together, the box of each lesion, and benign or malignant; and of all images the three classes. A folder without any
    mask makes the tasks of classes alone.
    """

    name = 'BUSI'
    options = ('objects',)

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        found = {match[1] for file in tree.images if (match := _NAME.match(file.name)) and not match[3]}
        return {'benign', 'malignant'} <= found

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        images: list[tuple[PurePosixPath, str]] = []
        masks: dict[str, list[Path]] = {}
        for file in tree.images:
            if match := _NAME.match(file.name):
                if match[3]:
                    masks.setdefault(f'{match[1]} ({match[2]})', []).append(tree.path(file))
                else:
                    images.append((file, match[1]))
        two = FoundTask(Task('breast_2cls', 'classification', classes=_CLASSES[1:]))
        three = FoundTask(Task('breast_3cls', 'classification', classes=_CLASSES))
        lesions: list[tuple[FoundRow, list[Path]]] = []
        for image, kind in images:
            label = _CLASSES.index(kind)
            row = FoundRow(str(tree.path(image)), f'images/{image.name}', partial(of_label, label))
            three.rows.append(row)
            if kind == 'normal':
                continue
            two.rows.append(replace(row, answer=partial(of_label, label - 1)))
            files = masks.get(image.stem, [])
            if masks and not files:
                raise DataError('this image has no mask', file=row.image)
            lesions.append((row, files))
        return [*_tasks_of_lesions(lesions, tree.root, options), two, three] if masks else [two, three]


def _tasks_of_lesions(
    lesions: Sequence[tuple[FoundRow, list[Path]]], root: Path, options: ImportOptions
) -> list[FoundTask]:
    """Return the task of masks and that of boxes, from rows of images with the mask files of their lesions."""
    boxes = [[box for file in files for box in _box_of(file)] for _, files in lesions]
    boxed = BoxTask('breast_lesion_det', boxes, root, ImportOptions(objects=options.objects))
    mask = FoundTask(Task('breast_lesion', 'segmentation', classes=('background', 'lesion')))
    box = FoundTask(boxed.task)
    for (row, files), found in zip(lesions, boxes, strict=True):
        mask.rows.append(replace(row, answer=partial(of_union, files)))
        box.rows.append(replace(row, answer=partial(boxed.answer, found, Path(row.image))))
    return [mask, box]


def _box_of(file: Path) -> Boxes:
    """Return the box around the lesion of a mask file; none if the mask is empty."""
    mask = (mask_values_of(file) > 0).astype('uint8')
    x, y, width, height = cv2.boundingRect(mask)
    return [('lesion', (x, y, x + width, y + height))] if width else []
