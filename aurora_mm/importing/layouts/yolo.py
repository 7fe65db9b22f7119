from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from aurora_mm.errors import DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import read_shape
from aurora_mm.importing.boxes import Boxes, BoxTask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.task_names import task_name
from aurora_mm.importing.tree import Tree, split_of_path


class Yolo(Layout):
    """Boxes as YOLO has them: ``images/train/a.png`` with ``labels/train/a.txt``, or ``train/images`` and
    ``train/labels`` as Roboflow exports them.

    A line of a text file is ``class cx cy width height``, normalised by the image's size. An empty text file is that of
    an image without boxes; an image without a text file is left out.
    """

    name = 'YOLO'

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return bool(self._label_files(tree))

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        texts = self._label_files(tree)
        pairs = [(image, text) for image in tree.images if (text := texts.get(_label_path(image))) is not None]
        boxes_of = {text: _boxes(tree.path(text)) for _, text in pairs}
        boxes = BoxTask(task_name(options.name or tree.root.name), list(boxes_of.values()), tree.root, options)
        found = FoundTask(boxes.task)
        for image, text in pairs:
            answer = partial(_answer, tree.path(image), tree.path(text), boxes_of[text], boxes)
            found.rows.append(FoundRow(str(tree.path(image)), image.as_posix(), answer, split_of_path(image)))
        return [found]

    def _label_files(self, tree: Tree) -> dict[PurePosixPath, PurePosixPath]:
        wanted = {_label_path(image) for image in tree.images}
        return {file: file for file in tree.ending('.txt') if file in wanted}


def _answer(image: Path, text: Path, boxes: Boxes, task: BoxTask) -> dict[str, Any] | None:
    with naming(image):
        height, width = read_shape(image)
    size = (width, height, width, height)
    return task.answer(
        [(kind, [part * side for part, side in zip(box, size, strict=True)]) for kind, box in boxes], text
    )


def _label_path(image: PurePosixPath) -> PurePosixPath:
    parts = list(image.with_suffix('.txt').parts)
    for position in range(len(parts) - 2, -1, -1):
        if parts[position] == 'images':
            parts[position] = 'labels'
            break
    return PurePosixPath(*parts)


def _boxes(text: Path) -> list[tuple[str, list[float]]]:
    """Read class and box of each line, xyxy normalised by the image's size and clipped to it."""
    boxes = []
    for row, line in enumerate(_lines(text), 1):
        if not line.strip():
            continue
        try:
            kind, *numbers = line.split()
            if not kind.isdecimal():
                raise ValueError
            x, y, w, h = map(float, numbers)
        except ValueError as error:
            raise DataError(f'{line[:60]!r} is no line of class, x, y, width and height', file=text, row=row) from error
        if not (0 < w <= 1 and 0 < h <= 1 and 0 <= x <= 1 and 0 <= y <= 1):
            raise DataError(f'{line[:60]!r} is not normalised to 0..1', file=text, row=row)
        boxes.append((kind, [max(x - w / 2, 0), max(y - h / 2, 0), min(x + w / 2, 1), min(y + h / 2, 1)]))
    return boxes


def _lines(text: Path) -> list[str]:
    return text.read_text(encoding='utf-8', errors='replace').splitlines()
