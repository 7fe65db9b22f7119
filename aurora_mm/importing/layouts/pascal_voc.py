from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from functools import partial
from pathlib import Path, PurePosixPath

from aurora_mm.errors import DataError
from aurora_mm.importing.boxes import BoxTask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.task_names import task_name
from aurora_mm.importing.tree import Tree, split_of_path

_SPLITS = ('train', 'val', 'test')


class PascalVoc(Layout):
    """Boxes as Pascal VOC has them: ``Annotations/a.xml`` beside ``JPEGImages/a.jpg``.

    ``ImageSets/Main/train.txt`` and its like name the splits. VOC counts pixels from 1, with both ends inside: a box
    ``xmin..xmax`` covers ``xmin - 1`` to ``xmax`` here. Tools that export the format often count from 0; a box that
    begins at 0 says so, and then all of the folder are taken so.
    """

    name = 'Pascal VOC'

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return bool(self._pairs(tree))

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        pairs = self._pairs(tree)
        objects_of = {file: _read(tree.path(file)) for _, file in pairs}
        from_1 = not any(min(box[:2]) < 1 for objects in objects_of.values() for _, box in objects)
        task = BoxTask(task_name(options.name or tree.root.name), list(objects_of.values()), tree.root, options)
        found = FoundTask(task.task)
        splits = self._splits(tree)
        for image, file in pairs:
            boxes = [(kind, [x1 - from_1, y1 - from_1, x2, y2]) for kind, (x1, y1, x2, y2) in objects_of[file]]
            answer = partial(task.answer, boxes, tree.path(file))
            split = splits.get(image.stem, '' if splits else split_of_path(image))
            found.rows.append(FoundRow(str(tree.path(image)), image.as_posix(), answer, split))
        if splits:
            found.rows = [row for row in found.rows if row.split]
        return [found]

    def _pairs(self, tree: Tree) -> list[tuple[PurePosixPath, PurePosixPath]]:
        images = {image.stem: image for image in tree.images}
        return [(images[file.stem], file) for file in tree.ending('.xml') if file.stem in images]

    def _splits(self, tree: Tree) -> dict[str, str]:
        found = {}
        for file in tree.ending('.txt'):
            if file.parent.as_posix().endswith('ImageSets/Main') and file.stem in _SPLITS:
                for line in tree.path(file).read_text(encoding='utf-8').split('\n'):
                    if line.strip():
                        found[line.split()[0]] = file.stem
        return found


def _read(file: Path) -> list[tuple[str, list[float]]]:
    """Class and xyxy, as written, of each object."""
    try:
        root = ElementTree.parse(file).getroot()
        return [
            (
                item.findtext('name', 'object').strip(),
                [float(item.findtext(f'bndbox/{side}', '')) for side in ('xmin', 'ymin', 'xmax', 'ymax')],
            )
            for item in root.iter('object')
        ]
    except (ElementTree.ParseError, ValueError) as error:
        raise DataError(f'is no annotation of Pascal VOC ({error})', file=file) from error
