from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from aurora_mm.converters.splits import split_of
from aurora_mm.errors import DataError
from aurora_mm.importing.boxes import Boxes, BoxTask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.listed_size import check_listed_size
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.task_names import UNNAMED_CLASS, task_name
from aurora_mm.importing.tree import Tree, composed, split_of_path
from aurora_mm.importing.unpaired import tell_unpaired
from aurora_mm.plain_numbers import plain_number

_MASK_FOLDERS = ('segmentationclass', 'segmentationobject')
_Object = tuple[str, list[float], bool]  # class, xyxy as written, whether it is written with decimals


class PascalVoc(Layout):
    """Boxes as Pascal VOC has them: ``Annotations/a.xml`` beside ``JPEGImages/a.jpg``.

    ``ImageSets/Main/train.txt`` and its like name the splits. VOC counts pixels from 1, with both ends inside: a box
    ``xmin..xmax`` covers ``xmin - 1`` to ``xmax`` here. Tools that export the format often count from 0; a box that
    begins at 0 says so, or decimals in most of the boxes, as CVAT writes them, and then all of the folder are taken so.
    The log says how they were taken.

    An image has the size that ``size`` lists, where it lists one. Of several images with the name of a file of labels,
    the one in its folder is meant, or else the one in a folder beside it. Masks of VOC, in ``SegmentationClass``, and
    polygons of objects are told and not read.
    """

    name = 'Pascal VOC'
    options = ('name', 'classes', 'objects')

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return bool(self._pairs(tree))

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        pairs = self._pairs(tree)
        files = {file for _, file in pairs}
        tell_unpaired(tree, [image for image, _ in pairs], [f for f in tree.ending('.xml') if f not in files])
        read = {file: _read(tree.path(file)) for _, file in pairs}
        objects_of = {file: objects for file, (objects, _, _) in read.items()}
        from_1 = _count_from_1(objects_of.values())
        task = BoxTask(
            task_name(options.name or tree.root.name),
            [[item[:2] for item in objects] for objects in objects_of.values()],
            tree.root,
            options,
        )
        found = FoundTask(task.task)
        splits = self._splits(tree)
        for image, file in pairs:
            boxes = [(kind, [x1 - from_1, y1 - from_1, x2, y2]) for kind, (x1, y1, x2, y2), _ in objects_of[file]]
            answer = partial(_answer, tree.path(image), read[file][1], boxes, tree.path(file), task)
            split = splits.get(composed(image.stem), '' if splits else split_of_path(image))
            found.rows.append(FoundRow(str(tree.path(image)), image.as_posix(), answer, split))
        texts = [f'boxes were taken as counted from {int(from_1)}']
        if splits:
            chosen = [row for row in found.rows if row.split]
            if count := len(found.rows) - len(chosen):
                texts.append(f'{count} images that no file of ImageSets/Main names are left out')
            found.rows = chosen
        told = sum((unread for _, _, unread in read.values()), Counter[str]())
        texts += [f'{count} {what}' for what, count in told.items()]
        for text in texts:
            tree.warn(text)
        return [found]

    def _pairs(self, tree: Tree) -> list[tuple[PurePosixPath, PurePosixPath]]:
        images: dict[str, list[PurePosixPath]] = {}
        for image in tree.images:
            if image.parent.name.lower() not in _MASK_FOLDERS:
                images.setdefault(composed(image.stem), []).append(image)
        files = {file: composed(file.stem) for file in tree.ending('.xml')}
        return [(_image_of(file, images[stem], tree), file) for file, stem in files.items() if stem in images]

    def _splits(self, tree: Tree) -> dict[str, str]:
        stems = {composed(image.stem) for image in tree.images}
        found = {}
        for file in tree.ending('.txt'):
            split = split_of(file.stem)
            # Lists of one class are called cyst_train.txt; CVAT writes Train.txt and Validation.txt.
            if file.parent.as_posix().endswith('ImageSets/Main') and split is not None and split[1] == file.stem:
                for line in tree.path(file).read_text(encoding='utf-8', errors='replace').split('\n'):
                    if line.strip():
                        found[_stem(composed(line.strip()), stems)] = split[0]
        return found


def _stem(line: str, stems: Collection[str]) -> str:
    """Return the name of an image in a line, which may have quotation marks and be followed by 1, 0 or -1."""
    bare = re.sub(r'\s+(-1|0|1)$', '', line)
    names = [PurePosixPath(name.strip('"')).name for name in (line, bare)]
    return next((name for name in names if name in stems), names[-1])


def _count_from_1(objects: Iterable[Sequence[_Object]]) -> bool:
    """Return whether boxes are counted from 1, as VOC does: none begins at 0, and most have no decimals."""
    found = [item for items in objects for item in items]
    return not any(min(box[:2]) < 1 for _, box, _ in found) and 2 * sum(item[2] for item in found) <= len(found)


def _image_of(file: PurePosixPath, images: Sequence[PurePosixPath], tree: Tree) -> PurePosixPath:
    """Return the image of a file of labels, of several of its name: the one in its folder, or else beside its folder.

    Raises:
        DataError: If none of these is the only one.
    """
    places: tuple[Callable[[PurePosixPath], bool], ...] = (
        lambda image: image.parent == file.parent,
        lambda image: image.parent.parent == file.parent.parent,
        lambda image: True,
    )
    near = next(found for place in places if (found := [image for image in images if place(image)]))
    if len(near) > 1:
        raise DataError(f'may be of {near[0]} or of {near[1]}, which have its name', file=tree.path(file))
    return near[0]


def _answer(
    image: Path, size: tuple[int, int] | None, boxes: Boxes, file: Path, task: BoxTask
) -> dict[str, Any] | None:
    if size is not None:
        check_listed_size(image, size, file)
    return task.answer(boxes, file)


def _read(file: Path) -> tuple[list[_Object], tuple[int, int] | None, Counter[str]]:
    """Return the objects of a file, the (height, width) that is listed, None if none is, and what is not read."""
    try:
        root = ElementTree.parse(file).getroot()
        objects = [
            (
                item.findtext('name', UNNAMED_CLASS).strip(),
                [plain_number(text) for text in texts],
                any('.' in text for text in texts),
            )
            for item in root.iter('object')
            for texts in [[item.findtext(f'bndbox/{side}', '') for side in ('xmin', 'ymin', 'xmax', 'ymax')]]
        ]
        height, width = (int(root.findtext(f'size/{side}', '') or 0) for side in ('height', 'width'))
    except (ElementTree.ParseError, ValueError) as error:
        raise DataError(f'is no annotation of Pascal VOC ({error})', file=file) from error
    unread = Counter(
        text
        for item in root.iter('object')
        for text, is_there in (
            (
                'objects are marked as difficult, and their boxes are taken like others',
                item.findtext('difficult') == '1',
            ),
            ('objects have a polygon, which is not read; their boxes are', item.find('polygon') is not None),
        )
        if is_there
    )
    return objects, (height, width) if height and width else None, unread  # tools that do not know the size write 0
