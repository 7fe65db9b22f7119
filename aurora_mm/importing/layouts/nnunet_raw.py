from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from aurora_mm.errors import DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import frame_sources
from aurora_mm.importing.answers import of_mask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.mask_slices import check_mask_slices
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.task_names import task_name
from aurora_mm.importing.tree import Tree, stem_of
from aurora_mm.importing.unpaired import tell_left_out
from aurora_mm.tasks import Task

_FOLDER = re.compile(r'^Dataset\d{3}_(.+)$')


class NnUNetRaw(Layout):
    """nnU-Net's raw format: ``dataset.json``, ``imagesTr/case_0000.png`` and ``labelsTr/case.png``.

    Names of classes are those of ``dataset.json``, of which none may be the label ``ignore``. The first channel
    (``_0000``) is the image; others are told and not read, as are ``imagesTs``, which have no masks. The slices of a
    volume become images of one group. A mask has as many slices as its image, and lies in space as that does.
    """

    name = 'nnU-Net raw'
    options = ('name', 'classes')

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return any(self._root(tree, file) for file in tree.files if file.name == 'dataset.json')

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        found = []
        for file in tree.files:
            root = self._root(tree, file) if file.name == 'dataset.json' else None
            if root is None:
                continue
            folder = (tree.root / root).name
            match = _FOLDER.match(folder)
            names = _class_names(tree.path(file))
            name = task_name(options.name or (match[1] if match else folder))
            task = Task(name, 'segmentation', classes=options.classes or names)
            found.append(FoundTask(task, self._rows(tree, root, task)))
        return found

    def _rows(self, tree: Tree, root: PurePosixPath, task: Task) -> list[FoundRow]:
        masks = {stem_of(mask): mask for mask in tree.images_of.get(root / 'labelsTr', [])}
        rows = []
        images = {image: stem_of(image).rpartition('_')[::2] for image in tree.images_of.get(root / 'imagesTr', [])}
        _tell_left_out(tree, root, masks.values(), images)
        for image, (case, channel) in images.items():
            if channel != '0000':
                continue
            if case not in masks:
                raise DataError('this image has no mask in labelsTr', file=tree.path(image))
            mask = tree.path(masks[case])
            with naming(tree.path(image)):
                sources = frame_sources(tree.path(image))
            check_mask_slices(tree.path(image), mask, len(sources))
            for frame, source in enumerate(sources):
                rows.append(
                    FoundRow(
                        source,
                        f'images/{image.name}{source[len(str(tree.path(image))) :]}',
                        partial(of_mask, mask, None, task.num_outputs, frame),
                        group=case,
                    )
                )
        return rows

    def _root(self, tree: Tree, file: PurePosixPath) -> PurePosixPath | None:
        folder = file.parent
        return folder if folder / 'imagesTr' in tree.images_of and folder / 'labelsTr' in tree.images_of else None


def _tell_left_out(
    tree: Tree,
    root: PurePosixPath,
    masks: Iterable[PurePosixPath],
    images: Mapping[PurePosixPath, tuple[str, str]],
) -> None:
    cases = {case for case, channel in images.values() if channel == '0000'}
    others = [image for image, (_, channel) in images.items() if channel != '0000']
    tell_left_out(tree, others, 'files of other channels than _0000 are')
    tell_left_out(tree, [mask for mask in masks if stem_of(mask) not in cases], 'masks without an image are')
    tell_left_out(tree, tree.images_of.get(root / 'imagesTs', []), 'images of imagesTs, which have no masks, are')


def _class_names(file: Path) -> tuple[str, ...]:
    """The classes of a ``dataset.json``, of version 2 ({name: value}) or 1 ({value: name})."""
    try:
        labels: dict[Any, Any] = json.loads(file.read_bytes())['labels']
        if regions := [name for name, value in labels.items() if isinstance(value, list)]:
            raise DataError(
                f'has the region {regions[0]!r} of several labels; give each label a name of its own', file=file
            )
        pairs = [(int(v), str(k)) if not str(k).isdigit() else (int(k), str(v)) for k, v in labels.items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f'has no labels as nnU-Net describes them ({error})', file=file) from error
    if ignored := [value for value, name in pairs if name.lower() == 'ignore']:
        raise DataError(
            f'has the label ignore ({ignored[0]}): pixels that do not count have no place in a mask here; give them a '
            'class, and leave the label out',
            file=file,
        )
    pairs.sort()
    if [value for value, _ in pairs] != list(range(len(pairs))):
        raise DataError(f'has labels {[value for value, _ in pairs]}, which are not 0, 1, 2 ...', file=file)
    return tuple(name for _, name in pairs)
