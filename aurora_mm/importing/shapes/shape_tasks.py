"""The tasks of images in which something was drawn: areas, boxes, points and classes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from aurora_mm.errors import ConfigError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import read_shape
from aurora_mm.importing.boxes import Boxes, BoxTask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.listed_size import check_listed_size
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.shapes.drawn_image import DrawnImage
from aurora_mm.importing.shapes.shape import Shape
from aurora_mm.importing.task_names import task_name
from aurora_mm.importing.tree import Tree
from aurora_mm.tasks import Task

_BACKGROUND = 'background'
_Answer = Callable[[DrawnImage, tuple[int, int]], dict[str, Any] | None]


def tasks_of_shapes(
    images: Sequence[DrawnImage], tree: Tree, options: ImportOptions, order: Sequence[str] = ()
) -> list[FoundTask]:
    """Return the tasks of images: one for the areas, one for the boxes, one for the points, one for each question that
    classes answer.

    Areas make a segmentation task, painted in the order of the file; boxes a task as :class:`BoxTask` makes it; points
    a landmark task of the images that have points, of which each names all points once, or some with
    ``missing_points``; classes of images a classification task, or one of type ``multi_label_classification`` if an
    image has several, but none if all have the same. Images without areas have an empty mask. Images without points, or
    without a class, are left out and told.

    Args:
        images: All images that were labelled.
        tree: The folder.
        options: ``name``, ``classes``, ``objects`` and ``missing_points``. Where there are several tasks, their names
            end with what they are about, and a single name in ``classes`` takes all boxes as one class.
        order: Labels in the order that the tool has them in. Others follow in the order of the alphabet.

    Raises:
        DataError: If a point is missing without ``missing_points``, or stands twice.
        ConfigError: If ``classes`` lacks a label, or names several classes where there are several tasks.
    """
    labels_of: dict[tuple[str, str], set[str]] = {}
    for shape in (shape for image in images for shape in image.shapes):
        labels_of.setdefault((shape.kind, shape.question), set()).add(shape.label)
    for part, known in list(labels_of.items()):
        if part[0] == 'class' and len(known) == 1 and not options.classes:
            tree.warn(f'all images with a class have {next(iter(known))!r}, of which no task is made')
            del labels_of[part]
    parts = sorted(labels_of)
    if options.classes and len(parts) > 1 and not (len(options.classes) == 1 and ('rectangle', '') in parts):
        ends = ', '.join(_end_of(*part) for part in parts)
        raise ConfigError(f'--classes names the classes of one task, but this folder makes several ({ends})')
    name = task_name(options.name or tree.root.name)
    found = []
    for kind, question in parts:
        full_name = name if len(parts) == 1 else task_name(f'{name}_{_end_of(kind, question)}')
        labels = _in_order(labels_of[kind, question], order)
        chosen = options if len(parts) == 1 or kind == 'rectangle' else replace(options, classes=None)
        found.append(_KINDS[kind](full_name, images, question, labels, tree, chosen))
    return found


def _areas(
    name: str, images: Sequence[DrawnImage], question: str, labels: list[str], tree: Tree, options: ImportOptions
) -> FoundTask:
    classes = options.classes or (_BACKGROUND, *(label for label in labels if label != _BACKGROUND))
    _check_labels(labels, classes)
    task = Task(name, 'segmentation', classes=tuple(classes))

    def answer(image: DrawnImage, size: tuple[int, int]) -> dict[str, Any]:
        mask = np.zeros(size, np.uint8)
        limits = np.array(size[::-1])
        for shape in image.of_kind('polygon'):
            if (shape.points < -limits).any() or (shape.points > 2 * limits).any():
                raise image.fault(f'has a polygon of {shape.label!r} far outside of its {size[1]} x {size[0]} pixels')
            mask[shape.mask(size)] = classes.index(shape.label)
        return dict(mask=mask)

    return FoundTask(task, [_row(image, tree, answer) for image in images])


def _boxes(
    name: str, images: Sequence[DrawnImage], question: str, labels: list[str], tree: Tree, options: ImportOptions
) -> FoundTask:
    boxes: list[Boxes] = [
        [(s.label, s.points.ravel().tolist()) for s in image.of_kind('rectangle')] for image in images
    ]
    if options.classes is None and len(labels) > 1 and not all(label.isdecimal() for label in labels):
        options = replace(options, classes=tuple(labels))
    task = BoxTask(name, boxes, tree.root, options)

    def answer(image: DrawnImage, size: tuple[int, int]) -> dict[str, Any] | None:
        cut = [(s.label, _box_within(s, size, image).ravel().tolist()) for s in image.of_kind('rectangle')]
        for label, (x1, y1, x2, y2) in cut:
            if x2 <= x1 or y2 <= y1:
                raise image.fault(f'has a box of {label!r} without an area within its {size[1]} x {size[0]} pixels')
        return task.answer(cut, image.file)

    return FoundTask(task.task, [_row(image, tree, answer) for image in images])


def _points(
    name: str, images: Sequence[DrawnImage], question: str, labels: list[str], tree: Tree, options: ImportOptions
) -> FoundTask:
    task = Task(name, 'landmark', points=tuple(options.classes or labels))
    names = set(task.points)
    chosen = [image for image in images if any(shape.is_labelled for shape in image.of_kind('point'))]
    _tell_left_out(len(images) - len(chosen), 'any point', task, tree)
    missing: Counter[str] = Counter()
    for image in chosen:
        given = [shape.label for shape in image.of_kind('point')]
        lacks_some = len(set(given)) == len(given) and set(given) < names
        if sorted(given) != sorted(names) and not (lacks_some and options.missing_points):
            hint = '; --missing-points takes images without some of the points' if lacks_some else ''
            raise image.fault(f'has the points {sorted(given)}, not {list(task.points)}{hint}')
        missing.update(names - {shape.label for shape in image.of_kind('point') if shape.is_labelled})
    if missing:
        counts = ', '.join(f'{name!r} in {missing[name]}' for name in task.points if missing[name])
        tree.warn(f'points are missing in some of {len(chosen)} images: {counts}')

    def answer(image: DrawnImage, size: tuple[int, int]) -> dict[str, Any]:
        at = {
            shape.label: _within(shape.points, size, image, 'a point')[0].tolist()
            for shape in image.of_kind('point')
            if shape.is_labelled
        }
        return dict(points=[at.get(name) for name in task.points])

    return FoundTask(task, [_row(image, tree, answer) for image in chosen])


def _classes(
    name: str, images: Sequence[DrawnImage], question: str, labels: list[str], tree: Tree, options: ImportOptions
) -> FoundTask:
    classes = tuple(options.classes or labels)
    _check_labels(labels, classes)
    said = {id(image): list(dict.fromkeys(s.label for s in _of(image, 'class', question))) for image in images}
    is_multi = any(len(names) > 1 for names in said.values())
    task = Task(name, 'multi_label_classification' if is_multi else 'classification', classes=classes)
    chosen = [image for image in images if said[id(image)]]
    _tell_left_out(len(images) - len(chosen), 'a class', task, tree)

    def answer(image: DrawnImage, size: tuple[int, int]) -> dict[str, Any]:
        indices = [classes.index(label) for label in said[id(image)]]
        return dict(gt_labels=sorted(indices)) if is_multi else dict(gt_label=indices[0])

    return FoundTask(task, [_row(image, tree, answer) for image in chosen])


_KINDS = {'polygon': _areas, 'rectangle': _boxes, 'point': _points, 'class': _classes}


def _row(image: DrawnImage, tree: Tree, answer: _Answer) -> FoundRow:
    path = tree.path(image.image)
    return FoundRow(str(path), image.image.as_posix(), partial(_checked, image, path, answer), image.split)


def _checked(image: DrawnImage, path: Path, answer: _Answer) -> dict[str, Any] | None:
    """Return the annotation of an image that has the size that its file of labels lists."""
    if image.size is not None:
        check_listed_size(path, image.size, image.file)
        return answer(image, image.size)
    with naming(path):
        size = read_shape(path)
    return answer(image, size)


def _box_within(shape: Shape, size: tuple[int, int], image: DrawnImage) -> np.ndarray:
    """Return a box as :func:`_within`; that around a rotated one is cut at the edge, however far it lies beyond."""
    if shape.is_turned:
        return np.clip(shape.points, 0, size[::-1])
    return _within(shape.points, size, image, 'a box')


def _within(points: np.ndarray, size: tuple[int, int], image: DrawnImage, what: str) -> np.ndarray:
    """Return points moved to the edge of the image where they lie up to a pixel beyond it, as after rounding.

    Raises:
        DataError: If one lies farther outside.
    """
    cut: np.ndarray = np.clip(points, 0, size[::-1])
    if np.abs(cut - points).max() > 1:
        corner = ', '.join(f'{value:g}' for value in points.ravel())
        raise image.fault(f'has {what} at {corner}, outside of its {size[1]} x {size[0]} pixels')
    return cut


def _of(image: DrawnImage, kind: str, question: str) -> list[Shape]:
    return [shape for shape in image.of_kind(kind) if shape.question == question]


def _end_of(kind: str, question: str) -> str:
    return question or kind


def _check_labels(labels: Sequence[str], classes: Sequence[str]) -> None:
    if missing := [label for label in labels if label not in classes]:
        raise ConfigError(f'there is the label {missing[0]!r}, which is none of {", ".join(classes)}')


def _in_order(labels: set[str], order: Sequence[str]) -> list[str]:
    """Return labels in a given order, and others by the alphabet, in which numbers count as such: p2 before p10."""
    known = [label for label in dict.fromkeys(order) if label in labels]
    return known + sorted(labels - set(known), key=_by_numbers)


def _by_numbers(label: str) -> list[tuple[int, str]]:
    return [(int(part), '') if part.isdecimal() else (-1, part) for part in re.split(r'(\d+)', label)]


def _tell_left_out(count: int, what: str, task: Task, tree: Tree) -> None:
    if count:
        tree.warn(f'{count} images without {what} are left out of the {task.type} task')
