from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from mmengine.logging import print_log

from aurora_mm.errors import DataError
from aurora_mm.importing.boxes import Boxes, BoxTask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.listed_size import check_listed_size
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.task_names import task_name
from aurora_mm.importing.tree import Tree, split_of_path
from aurora_mm.run_lengths import mask_of_polygons
from aurora_mm.tasks import Task


class LabelMe(Layout):
    """Polygons, rectangles and points as LabelMe saves them: ``a.json`` beside ``a.png``.

    Polygons make a segmentation task, painted in the order of the file; rectangles a detection task; points a landmark
    task, of the images that have points: each of them names all points once, or some with ``missing_points``. A folder
    with several kinds makes several tasks. An image has the size that its file lists.
    """

    name = 'LabelMe'
    options = ('name', 'classes', 'objects', 'missing_points')

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return any(_is_labelme(tree.path(file)) for _, file in self._pairs(tree)[:3])

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        name = task_name(options.name or tree.root.name)
        pairs = self._pairs(tree)
        image_of: dict[PurePosixPath, PurePosixPath] = {}
        for image, text in pairs:
            if (other := image_of.setdefault(text, image)) != image:
                raise DataError(f'may be of {other.name} or of {image.name}; remove one', file=tree.path(text))
        files = [(image, tree.path(text), _read(tree.path(text))) for image, text in pairs]
        for _, file, content in files:
            if unknown := {shape['shape_type'] for shape in content['shapes']} - {'polygon', 'rectangle', 'point'}:
                raise DataError(
                    f'has shapes of type {sorted(unknown)}; polygon, rectangle and point are known', file=file
                )
        shapes = [shape for _, _, content in files for shape in content['shapes']]
        kinds = {shape['shape_type'] for shape in shapes}
        labels = {kind: sorted({s['label'] for s in shapes if s['shape_type'] == kind}) for kind in kinds}
        found, without_points = [], 0
        for kind in sorted(kinds):
            names = list(options.classes) if options.classes and len(kinds) == 1 else labels[kind]
            full_name = name if len(kinds) == 1 else f'{name}_{kind}'
            boxes = (
                BoxTask(full_name, [_boxes(content) for *_, content in files], tree.root, options)
                if kind == 'rectangle'
                else None
            )
            task = boxes.task if boxes else _task(full_name, kind, names)
            rows = []
            for image, file, content in files:
                if kind == 'point' and not _of_kind(content, kind):
                    without_points += 1
                    continue
                answer = (
                    partial(boxes.answer, _boxes(content), file)
                    if boxes
                    else partial(_answer, content, file, task, kind, options.missing_points)
                )
                checked = partial(_of_same_size, tree.path(image), content, file, answer)
                rows.append(FoundRow(str(tree.path(image)), image.as_posix(), checked, split_of_path(image)))
            found.append(FoundTask(task, rows))
        if without_points:
            told = f'{tree.root}: {without_points} images without any point are left out of the landmark task'
            print_log(told, logger='current', level=logging.WARNING)
        if options.missing_points:
            _tell_missing_points(tree.root, [content for *_, content in files])
        return found

    def _pairs(self, tree: Tree) -> list[tuple[PurePosixPath, PurePosixPath]]:
        files = {file.with_suffix(''): file for file in tree.ending('.json')}
        return [(image, files[name]) for image in tree.images if (name := image.with_suffix('')) in files]


def _tell_missing_points(root: Path, contents: list[dict[str, Any]]) -> None:
    """Log in how many images each point is missing, so that a misspelt name is seen."""
    images = [{shape['label'] for shape in _of_kind(content, 'point')} for content in contents]
    images = [names for names in images if names]
    counts = {name: sum(name not in names for names in images) for name in sorted(set().union(*images))}
    if missing := ', '.join(f'{name!r} in {count}' for name, count in counts.items() if count):
        told = f'{root}: points are missing in some of {len(images)} images: {missing}'
        print_log(told, logger='current', level=logging.WARNING)


def _task(name: str, kind: str, labels: list[str]) -> Task:
    if kind == 'polygon':
        names = labels if labels and labels[0] == 'background' else ['background', *labels]
        return Task(name, 'segmentation', classes=tuple(names))
    return Task(name, 'landmark', points=tuple(labels))


def _boxes(content: dict[str, Any]) -> Boxes:
    shapes = _of_kind(content, 'rectangle')
    return [(s['label'], [*np.min(s['points'], 0).tolist(), *np.max(s['points'], 0).tolist()]) for s in shapes]


def _of_kind(content: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [shape for shape in content['shapes'] if shape['shape_type'] == kind]


def _of_same_size(
    image: Path, content: dict[str, Any], file: Path, answer: Callable[[], dict[str, Any] | None]
) -> dict[str, Any] | None:
    check_listed_size(image, (content['imageHeight'], content['imageWidth']), file)
    return answer()


def _answer(content: dict[str, Any], file: Path, task: Task, kind: str, may_miss: bool) -> dict[str, Any]:
    shapes = _of_kind(content, kind)
    if kind == 'point':
        at = {shape['label']: shape['points'][0] for shape in shapes}
        names = set(task.points)
        if len(at) != len(shapes) or not set(at) <= names or (set(at) != names and not may_miss):
            hint = '; --missing-points takes images without some of the points' if set(at) < names else ''
            raise DataError(
                f'has the points {sorted(s["label"] for s in shapes)}, not {list(task.points)}{hint}', file=file
            )
        return dict(points=[at.get(point) for point in task.points])
    mask = np.zeros((content['imageHeight'], content['imageWidth']), np.uint8)
    for shape in shapes:
        if len(shape['points']) < 3:
            raise DataError(f'has a polygon of {len(shape["points"])} points', file=file)
        corners = np.array(shape['points'], float).ravel().tolist()
        mask[mask_of_polygons([corners], mask.shape)] = _index(shape['label'], task, file)
    return dict(mask=mask)


def _index(label: str, task: Task, file: Path) -> int:
    if label not in task.classes:
        raise DataError(f'has the label {label!r}, which is none of {", ".join(task.classes)}', file=file)
    return task.classes.index(label)


def _is_labelme(file: Path) -> bool:
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, OSError, RecursionError):
        return False
    return isinstance(content, dict) and isinstance(content.get('shapes'), list)


def _read(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(file.read_bytes())
        for key in ('imageHeight', 'imageWidth'):
            if not isinstance(content[key], int) or not 0 < content[key] < 100_000:
                raise ValueError(f'{key} is {content[key]!r}')
        for shape in content['shapes']:
            points = np.array(shape['points'], float)
            if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
                raise ValueError(f'points {str(shape["points"])[:60]}')
            shape['label'], shape['shape_type'] = str(shape['label']), str(shape.get('shape_type', 'polygon'))
        return content
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise DataError(f'is no file of LabelMe ({type(error).__name__}: {str(error)[:100]})', file=file) from error
