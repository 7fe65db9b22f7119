from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from aurora_mm.errors import DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import read_shape
from aurora_mm.importing.boxes import Boxes, BoxTask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.task_names import task_name
from aurora_mm.importing.tree import Tree, split_of_path

_NAME_FILES = ('data.yaml', 'data.yml', 'dataset.yaml', 'classes.txt', 'obj.names')


class Yolo(Layout):
    """Boxes as YOLO has them: ``images/train/a.png`` with ``labels/train/a.txt``, or ``train/images`` and
    ``train/labels`` as Roboflow exports them.

    A line of a text file is ``class cx cy width height``, normalised by the image's size. An empty text file is that of
    an image without boxes; an image without a text file is left out. ``data.yaml``, ``classes.txt`` or ``obj.names``
    lists the names of the classes in the order of their numbers.
    """

    name = 'YOLO'
    options = ('name', 'classes', 'objects')

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return bool(self._label_files(tree))

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        texts = self._label_files(tree)
        pairs = [(image, text) for image in tree.images if (text := texts.get(_label_path(image))) is not None]
        boxes_of = {text: _boxes(tree.path(text)) for _, text in pairs}
        if options.classes is None:
            options = replace(options, classes=self._classes(tree, boxes_of))
        boxes = BoxTask(task_name(options.name or tree.root.name), list(boxes_of.values()), tree.root, options)
        found = FoundTask(boxes.task)
        for image, text in pairs:
            answer = partial(_answer, tree.path(image), tree.path(text), boxes_of[text], boxes)
            found.rows.append(FoundRow(str(tree.path(image)), image.as_posix(), answer, split_of_path(image)))
        return [found]

    def _classes(self, tree: Tree, boxes_of: Mapping[PurePosixPath, Boxes]) -> tuple[str, ...] | None:
        """Names of the classes: all that a file of the folder lists, or only the one that is used; None without one.

        Raises:
            DataError: If a label file has a class that is not listed, or the list cannot be read.
        """
        file = next((file for name in _NAME_FILES for file in tree.ending(name) if file.name.lower() == name), None)
        if file is None:
            return None
        names = _listed_names(tree.path(file))
        for text, boxes in boxes_of.items():
            if unknown := [kind for kind, _ in boxes if int(kind) >= len(names)]:
                raise DataError(
                    f'has the class {unknown[0]}, but {file} names {len(names)}: {", ".join(names[:10])}',
                    file=tree.path(text),
                )
        used = {int(kind) for boxes in boxes_of.values() for kind, _ in boxes}
        return names if len(used) != 1 else (names[used.pop()],)

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


def _listed_names(file: Path) -> tuple[str, ...]:
    """The names of classes in the order of their numbers: ``names`` of a YAML file, else the lines of a text file."""
    if file.suffix.lower() not in ('.yaml', '.yml'):
        return tuple(line.strip() for line in _lines(file) if line.strip())
    try:
        content = yaml.safe_load(file.read_bytes())
    except yaml.YAMLError as error:
        raise DataError('is no YAML file', file=file) from error
    names = content.get('names') if isinstance(content, dict) else None
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names:
        raise DataError(f'names must list a name for each class, not {str(names)[:60]}', file=file)
    return tuple(map(str, names))


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
