"""Boxes of images as a task: one box an image as the challenge has it, or any number of boxes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.task_names import UNNAMED_CLASS
from aurora_mm.tasks import Task

Boxes = Sequence[tuple[str, Sequence[float]]]
"""The boxes of an image: the class of each, as the data calls it, and xyxy in pixels."""


class BoxTask:
    """The task of a folder with boxes, and the annotation of each of its images.

    A folder whose images have exactly one box, all of one class, becomes a detection task of the challenge. Any other
    folder becomes a task of type ``multi_object_detection``, unless ``options.objects`` asks for one box an image.

    Args:
        name: Name of the task.
        images: The boxes of each image.
        place: The folder, for error messages.
        options: ``objects``: what to do with images that do not have one box. ``classes``: one name takes all boxes as
            one class; several name the classes.

    Raises:
        DataError: If ``options.objects`` asks for one box an image, and boxes have several classes.
        ConfigError: If ``options.classes`` lacks a class of the data.
    """

    def __init__(self, name: str, images: Sequence[Boxes], place: Path, options: ImportOptions) -> None:
        kinds = sorted({kind for boxes in images for kind, _ in boxes}, key=_by_number)
        self._options = options
        self._label_of, classes = _classes(kinds, options)
        one_each = all(len(boxes) == 1 for boxes in images) and len(classes) == 1
        self.joins = options.objects == 'all' and not one_each
        if not self.joins and len(classes) > 1:
            raise DataError(
                f'boxes are of {len(kinds)} classes ({", ".join(kinds[:5])}), but a task of one box an image has one; '
                '--classes NAME takes all as one, --objects all takes all boxes with their classes',
                file=place,
            )
        self.task = Task(name, 'multi_object_detection' if self.joins else 'detection', classes=classes)

    def answer(self, boxes: Boxes, file: Path) -> dict[str, Any] | None:
        """Return the annotation of an image.

        Args:
            boxes: Its boxes.
            file: The file that contains them, for error messages.

        Returns:
            ``bbox``; or ``bboxes`` and ``bboxes_labels``. None if the image is left out.

        Raises:
            DataError: If there is not one box and ``options.objects`` is 'one'.
        """
        corners = [list(box) for _, box in boxes]
        if self.joins:
            return dict(bboxes=corners, bboxes_labels=[self._label_of[kind] for kind, _ in boxes])
        if len(corners) == 1:
            return dict(bbox=corners[0])
        if self._options.objects == 'one':
            raise DataError(
                f'has {len(corners)} boxes, not one; --objects all, largest or single goes on all the same', file=file
            )
        if not corners or self._options.objects == 'single':
            return None
        return dict(bbox=max(corners, key=lambda box: (box[2] - box[0]) * (box[3] - box[1])))


def _classes(kinds: Sequence[str], options: ImportOptions) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the class index of each class of the data, and the names of the classes."""
    names = options.classes
    numbered = all(kind.isdecimal() for kind in kinds)
    if names is not None and len(names) == 1:
        return dict.fromkeys(kinds, 0), names
    if names is None and len(kinds) < 2:
        return dict.fromkeys(kinds, 0), (kinds[0] if kinds and not numbered else UNNAMED_CLASS,)
    if numbered:
        count = int(kinds[-1]) + 1 if kinds else 0
        names = tuple(f'class_{i}' for i in range(count)) if names is None else names
        if len(names) < count:
            raise ConfigError(f'the boxes have classes 0 to {count - 1}, but {len(names)} names were given')
        return {kind: int(kind) for kind in kinds}, names
    names = tuple(kinds) if names is None else names
    if missing := [kind for kind in kinds if kind not in names]:
        raise ConfigError(f'the boxes are of class {missing[0]!r}, which is none of {", ".join(names)}')
    return {kind: names.index(kind) for kind in kinds}, names


def _by_number(kind: str) -> tuple[int, str]:
    return (int(kind) if kind.isdecimal() else 0, kind)
