from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from aurora_mm.converters.splits import split_of
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import read_shape
from aurora_mm.importing.boxes import Boxes, BoxTask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.shapes import DrawnImage, Shape, point, polygon, tasks_of_shapes
from aurora_mm.importing.task_names import task_name
from aurora_mm.importing.tree import Tree, composed, split_of_path
from aurora_mm.importing.unpaired import tell_unpaired
from aurora_mm.importing.yolo_splits import described_splits, listed_splits
from aurora_mm.importing.yolo_texts import YoloLine, read_lines, read_names, read_points

_NAME_FILES = ('data.yaml', 'data.yml', 'dataset.yaml', 'classes.txt', 'obj.names')
_NOTES = ('readme.txt', 'readme.roboflow.txt', 'readme.dataset.txt', 'notes.txt', 'labels.txt')


class _Pair(NamedTuple):
    image: PurePosixPath
    text: PurePosixPath
    split: str


_Pairs = Sequence[_Pair]
_Lines = Mapping[PurePosixPath, Sequence[YoloLine]]


class Yolo(Layout):
    """Boxes, polygons or key points as YOLO has them: ``images/train/a.png`` with ``labels/train/a.txt``, or
    ``train/images`` and ``train/labels`` as Roboflow exports them.

    A line of a text file is ``class cx cy width height``, or ``class x1 y1 x2 y2 x3 y3 ...`` for a polygon, normalised
    by the image's size. Where ``data.yaml`` has ``kpt_shape``, key points follow the box, and their names are those of
    ``kpt_names``, else ``point_1``, ``point_2`` ...; one of visibility 0 is not labelled. An empty text file is that of
    an image without objects; an image without a text file is left out. ``data.yaml``, ``classes.txt`` or ``obj.names``
    lists the names of the classes in the order of their numbers. Lists such as ``train.txt`` and ``val.txt`` name the
    splits, or else the folders of images do, by their names or by ``data.yaml``.
    """

    name = 'YOLO'
    options = ('name', 'classes', 'objects')

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return bool(_label_files(tree))

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        pairs: _Pairs = _label_files(tree)
        file = next((file for name in _NAME_FILES for file in tree.ending(name) if file.name.lower() == name), None)
        is_yaml = file is not None and file.suffix.lower() in ('.yaml', '.yml')
        key_points = read_points(tree.path(file)) if file is not None and is_yaml else None
        lines = {text: read_lines(tree.path(text), key_points and key_points[0]) for _, text, _ in pairs}
        names = None if file is None else _checked_names(file, lines, tree)
        pairs = _split(pairs, tree, file if is_yaml else None)
        if key_points is not None:
            return _key_points(pairs, lines, key_points[1], tree, options)
        kinds = {len(line.corners) > 0: text for text, of_text in lines.items() for line in of_text}
        if len(kinds) == 2:
            raise DataError(f'holds polygons, but {kinds[False]} holds boxes', file=tree.path(kinds[True]))
        if True in kinds:
            return _polygons(pairs, lines, names, tree, options)
        if options.classes is None and names is not None:
            used = {int(line.kind) for of_text in lines.values() for line in of_text}
            options = replace(options, classes=names if len(used) != 1 else (names[used.pop()],))
        return [_boxes(pairs, lines, tree, options)]


def _label_files(tree: Tree) -> list[_Pair]:
    """Return the images with their label files, and the splits of the folders that they lie in.

    Upper and lower case are equal where no name is written so, as on Windows.

    Raises:
        DataError: If a label file may be of two images.
    """
    files = tree.ending('.txt')
    text_of = {_folded(file): file for file in files} | {file.as_posix(): file for file in files}
    image_of: dict[PurePosixPath, PurePosixPath] = {}
    for image in tree.images:
        path = _label_path(image)
        text = text_of.get(path.as_posix()) or text_of.get(_folded(path))
        if text is not None and (other := image_of.setdefault(text, image)) != image:
            raise DataError(f'may be of {other} or of {image}; remove one', file=tree.path(text))
    return [_Pair(image, text, split_of_path(image)) for text, image in image_of.items()]


def _split(pairs: _Pairs, tree: Tree, description: PurePosixPath | None) -> list[_Pair]:
    """Return pairs with the splits that lists of images say, or else folders; images that no list names are left out.

    It is told what is left out.
    """
    texts = {pair.text for pair in pairs}
    folders = {text.parent for text in texts}
    lone = [file for file in tree.ending('.txt') if file.parent in folders and file not in texts and _is_lone(file)]
    tell_unpaired(tree, [pair.image for pair in pairs], lone)
    listed = listed_splits(tree, texts)
    if listed:
        chosen = [pair._replace(split=listed[pair.image]) for pair in pairs if pair.image in listed]
        if count := len(pairs) - len(chosen):
            tree.warn(f'{count} images that no list of a split names are left out')
        pairs = chosen
    elif description is not None:
        described = described_splits(tree, description, [pair.image for pair in pairs])
        pairs = [pair._replace(split=pair.split or described.get(pair.image, '')) for pair in pairs]
    return list(pairs)


def _is_lone(file: PurePosixPath) -> bool:
    """Return whether a text file beside label files is called as one of an image, and not as a list or notes."""
    return file.name.lower() not in (*_NAME_FILES, *_NOTES) and split_of(file.stem) is None


def _checked_names(file: PurePosixPath, lines: _Lines, tree: Tree) -> tuple[str, ...]:
    """Return the names of classes that a file lists.

    Raises:
        DataError: If a label file has a class that is not listed, or the list cannot be read.
    """
    names = read_names(tree.path(file))
    for text, of_text in lines.items():
        if unknown := [line for line in of_text if int(line.kind) >= len(names)]:
            raise DataError(
                f'has the class {unknown[0].kind}, but {file} names {len(names)}: {", ".join(names[:10])}',
                file=tree.path(text),
            )
    return names


def _boxes(pairs: _Pairs, lines: _Lines, tree: Tree, options: ImportOptions) -> FoundTask:
    boxes_of = {text: [(line.kind, line.box) for line in of_text] for text, of_text in lines.items()}
    boxes = BoxTask(task_name(options.name or tree.root.name), list(boxes_of.values()), tree.root, options)
    found = FoundTask(boxes.task)
    for image, text, split in pairs:
        answer = partial(_answer, tree.path(image), tree.path(text), boxes_of[text], boxes)
        found.rows.append(FoundRow(str(tree.path(image)), image.as_posix(), answer, split))
    return found


def _answer(image: Path, text: Path, boxes: Boxes, task: BoxTask) -> dict[str, Any] | None:
    width, height = _size(image)
    size = (width, height, width, height)
    return task.answer(
        [(kind, [part * side for part, side in zip(box, size, strict=True)]) for kind, box in boxes], text
    )


def _polygons(
    pairs: _Pairs, lines: _Lines, names: tuple[str, ...] | None, tree: Tree, options: ImportOptions
) -> list[FoundTask]:
    if options.classes is not None:
        names = options.classes[1:]
    labels = {line.kind for of_text in lines.values() for line in of_text}
    names = tuple(f'class_{number}' for number in range(max(map(int, labels)) + 1)) if names is None else names
    if too_high := [kind for kind in labels if int(kind) >= len(names)]:
        raise ConfigError(
            f'there is the class {too_high[0]}, but --classes gives {len(names)} names and the background'
        )
    corners = {len(line.corners) for of_text in lines.values() for line in of_text}
    if corners == {4}:
        tree.warn('all polygons have four corners, as rotated boxes do; they are taken as areas, which make a mask')
    images = []
    for image, text, split in pairs:
        size = _size(tree.path(image))
        shapes = [polygon(names[int(line.kind)], (line.corners * size).tolist()) for line in lines[text]]
        images.append(_drawn(image, text, split, shapes, tree))
    return tasks_of_shapes(images, tree, options, names)


def _key_points(
    pairs: _Pairs, lines: _Lines, names: tuple[str, ...], tree: Tree, options: ImportOptions
) -> list[FoundTask]:
    images = []
    for image, text, split in pairs:
        chosen = list(lines[text])
        if len(chosen) > 1 and options.objects == 'largest':
            chosen = [max(chosen, key=_area)]
        elif len(chosen) > 1 and options.objects == 'single':
            chosen = []
        if len(chosen) > 1:
            raise DataError(
                f'has {len(chosen)} objects; a landmark task has one an image. --objects largest or single goes on all '
                'the same',
                file=tree.path(text),
            )
        size = _size(tree.path(image)) if chosen else (0, 0)
        shapes = [
            point(name, place[:2] * size if place[2] else None)
            for line in chosen
            for name, place in zip(names, line.points, strict=True)
        ]
        images.append(_drawn(image, text, split, shapes, tree))
    if not any(image.shapes for image in images):
        return []
    return tasks_of_shapes(images, tree, options, names)


def _area(line: YoloLine) -> float:
    x1, y1, x2, y2 = line.box
    return (x2 - x1) * (y2 - y1)


def _drawn(image: PurePosixPath, text: PurePosixPath, split: str, shapes: list[Shape], tree: Tree) -> DrawnImage:
    return DrawnImage(image, tree.path(text), shapes, split=split, is_alone=True)


def _size(image: Path) -> tuple[int, int]:
    """Return (width, height) of an image."""
    with naming(image):
        height, width = read_shape(image)
    return width, height


def _folded(file: PurePosixPath) -> str:
    return composed(file.as_posix()).casefold()


def _label_path(image: PurePosixPath) -> PurePosixPath:
    parts = list(image.with_suffix('.txt').parts)
    for position in range(len(parts) - 2, -1, -1):
        if parts[position].lower() == 'images':
            parts[position] = 'labels'
            break
    return PurePosixPath(*parts)
