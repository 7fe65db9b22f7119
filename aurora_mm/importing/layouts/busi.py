from __future__ import annotations

import re
from functools import partial
from pathlib import PurePosixPath

from aurora_mm.importing.answers import of_label, of_union
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.tree import Tree
from aurora_mm.tasks import Task

_CLASSES = ('normal', 'benign', 'malignant')
_NAME = re.compile(r'^(normal|benign|malignant) \((\d+)\)(_mask(_\d+)?)?\.png$')


class Busi(Layout):
    """Breast ultrasound images of Al-Dhabyani et al., Dataset of breast ultrasound images (2020).

    Folders ``normal``, ``benign`` and ``malignant`` hold ``benign (1).png``, ``benign (1)_mask.png`` and, for further
    lesions, ``benign (1)_mask_1.png``. It makes three tasks: the lesion's mask, all lesions together, of benign and
    malignant images; benign or malignant; and the three classes.
    """

    name = 'BUSI'

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        found = {match[1] for file in tree.images if (match := _NAME.match(file.name)) and not match[3]}
        return {'benign', 'malignant'} <= found

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        images: list[tuple[PurePosixPath, str]] = []
        masks: dict[str, list[PurePosixPath]] = {}
        for file in tree.images:
            if match := _NAME.match(file.name):
                if match[3]:
                    masks.setdefault(f'{match[1]} ({match[2]})', []).append(file)
                else:
                    images.append((file, match[1]))
        lesion = FoundTask(Task('breast_lesion', 'segmentation', classes=('background', 'lesion')))
        two = FoundTask(Task('breast_2cls', 'classification', classes=_CLASSES[1:]))
        three = FoundTask(Task('breast_3cls', 'classification', classes=_CLASSES))
        for image, kind in images:
            source, path = str(tree.path(image)), f'images/{image.name}'
            label = _CLASSES.index(kind)
            three.rows.append(FoundRow(source, path, partial(of_label, label)))
            if kind == 'normal':
                continue
            two.rows.append(FoundRow(source, path, partial(of_label, label - 1)))
            files = [tree.path(mask) for mask in masks.get(image.stem, ())]
            if files:
                lesion.rows.append(FoundRow(source, path, partial(of_union, files)))
        return [lesion, two, three]
