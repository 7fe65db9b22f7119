from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from aurora_mm.errors import DataError
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import read_shape
from aurora_mm.importing.boxes import one_box, only_class
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.task_names import task_name
from aurora_mm.importing.tree import Tree, split_of_path
from aurora_mm.tasks import Task


class Yolo(Layout):
    """Boxes as YOLO has them: ``images/train/a.png`` with ``labels/train/a.txt``, or ``train/images`` and
    ``train/labels`` as Roboflow exports them.

    A line of a text file is ``class cx cy width height``, normalised by the image's size. A CSV row holds no class, so
    several classes are taken as one only where ``classes`` gives one name for all.
    """

    name = 'YOLO'

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return bool(self._label_files(tree))

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        texts = self._label_files(tree)
        kinds = {line.split()[0] for text in texts for line in _lines(tree.path(text)) if line.strip()}
        classes = only_class(sorted(kinds), tree.root, options)
        found = FoundTask(Task(task_name(options.name or tree.root.name), 'detection', classes=classes))
        for image in tree.images:
            text = texts.get(_label_path(image))
            if text is None:
                continue
            answer = partial(_answer, tree.path(image), tree.path(text), options)
            found.rows.append(FoundRow(str(tree.path(image)), image.as_posix(), answer, split_of_path(image)))
        return [found]

    def _label_files(self, tree: Tree) -> dict[PurePosixPath, PurePosixPath]:
        wanted = {_label_path(image) for image in tree.images}
        return {file: file for file in tree.ending('.txt') if file in wanted}


def _answer(image: Path, text: Path, options: ImportOptions) -> dict[str, Any] | None:
    return one_box(_boxes(image, text), text, options)


def _label_path(image: PurePosixPath) -> PurePosixPath:
    parts = list(image.with_suffix('.txt').parts)
    for position in range(len(parts) - 2, -1, -1):
        if parts[position] == 'images':
            parts[position] = 'labels'
            break
    return PurePosixPath(*parts)


def _boxes(image: Path, text: Path) -> list[list[float]]:
    try:
        height, width = read_shape(image)
    except BadImage as bad:
        raise DataError(f'this image {bad}', file=image) from bad
    boxes = []
    for row, line in enumerate(_lines(text), 1):
        if not line.strip():
            continue
        try:
            _, x, y, w, h = map(float, line.split())
        except ValueError as error:
            raise DataError(f'{line[:60]!r} is no line of class, x, y, width and height', file=text, row=row) from error
        box = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
        if not (0 < w <= 1 and 0 < h <= 1 and 0 <= x <= 1 and 0 <= y <= 1):
            raise DataError(f'{line[:60]!r} is not normalised to 0..1', file=text, row=row)
        boxes.append([max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height)])
    return boxes


def _lines(text: Path) -> list[str]:
    return text.read_text(encoding='utf-8', errors='replace').splitlines()
