from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from aurora_mm.errors import DataError
from aurora_mm.images.reading import SUFFIXES
from aurora_mm.importing.brush_runs import decode_brush
from aurora_mm.importing.found import FoundTask
from aurora_mm.importing.label_files import json_files_that
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.listed_images import ListedImages
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.shapes import (
    DrawnImage,
    Shape,
    ellipse,
    image_class,
    mask_region,
    point,
    polygon,
    rectangle,
    tasks_of_shapes,
)
from aurora_mm.importing.task_names import UNNAMED_CLASS
from aurora_mm.importing.tree import Tree, split_of_path

_UPLOAD = re.compile(r'^[0-9a-f]{8}-(?=.)')  # what an upload puts before the name of a file
_SHAPE_TYPES = ('labels', 'rectangle', 'vector', 'bitmask')  # ends of the types of results that draw something
_USUAL_OBJECT = 'image'  # what labels are about in the templates of Label Studio
_ABOUT_REGIONS = ('choices', 'textarea', 'rating', 'number', 'datetime', 'taxonomy')
_GEOMETRY = {'rle', 'points', 'radiusX', 'width', 'x'}


class LabelStudio(Layout):
    """Annotations as Label Studio exports them, format "JSON", beside a folder with the images.

    Polygons, ellipses and what was painted with a brush are areas; of a rotated rectangle the box around it is taken.
    Key points are named by their labels, and choices are classes of images. See
    :func:`aurora_mm.importing.shapes.tasks_of_shapes` for the tasks that they make. Images are found by the end of
    their path or address, also by what their name was before it was uploaded: an upload puts eight characters and
    ``-`` before it, turns spaces into ``_``, and takes brackets and the like out. Positions are percentages of the size
    that the file lists, which an image must have.

    What is said about single regions, such as the choice of a box, is told and not read. A task has one image.

    An image with several annotations has the one that is marked as ground truth. Those that were skipped do not count.
    """

    name = 'Label Studio'
    options = ('name', 'classes', 'objects', 'missing_points')

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return bool(tree.images) and bool(json_files_that(tree, _is_label_studio))

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        listed = ListedImages(tree)
        images: list[DrawnImage] = []
        told: Counter[str] = Counter()
        for file, tasks in json_files_that(tree, _is_label_studio).items():
            for number, task in enumerate(tasks, 1):
                where = f'task {task.get("id", number)}'
                if 'annotations' not in task:
                    raise DataError(
                        f'{where} has no list of annotations; export the project as "JSON", not as "JSON-MIN"',
                        file=tree.path(file),
                    )
                results = _results(task, where, file, tree)
                if results is None:
                    told['tasks without an annotation are left out'] += 1
                    continue
                images.append(_image(task, where, results, file, tree, listed, told))
        listed.tell_unlisted()
        for text, count in told.items():
            tree.warn(f'{count} {text}')
        return tasks_of_shapes(images, tree, options)


def _is_label_studio(content: Any) -> bool:
    return (
        isinstance(content, list)
        and bool(content)
        and all(
            isinstance(task, dict)
            and ((isinstance(task.get('annotations'), list) and isinstance(task.get('data'), dict)) or _is_min(task))
            for task in content
        )
    )


def _is_min(task: Mapping[str, Any]) -> bool:
    return {'annotation_id', 'annotator'} <= set(task)


def _results(task: Mapping[str, Any], where: str, file: PurePosixPath, tree: Tree) -> list[dict[str, Any]] | None:
    """Return what was annotated in an image; None if it has no annotation.

    Raises:
        DataError: If there are several annotations, and not one of them is the ground truth.
    """
    done = [a for a in task['annotations'] if isinstance(a, dict) and not a.get('was_cancelled')]
    chosen = [annotation for annotation in done if annotation.get('ground_truth')] if len(done) > 1 else done
    if not done:
        return None
    if len(chosen) != 1:
        raise DataError(
            f'{where} has {len(done)} annotations, of which {len(chosen)} are marked as ground truth; one must be',
            file=tree.path(file),
        )
    results = chosen[0].get('result')
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        raise DataError(f'{where} has an annotation without a list of results', file=tree.path(file))
    return results


def _image(
    task: Mapping[str, Any],
    where: str,
    results: Sequence[dict[str, Any]],
    file: PurePosixPath,
    tree: Tree,
    listed: ListedImages,
    told: Counter[str],
) -> DrawnImage:
    image = _named(_about(task['data'], where, results, tree.path(file)), where, file, tree, listed)
    drawn = DrawnImage(image, tree.path(file), (), split=split_of_path(image))
    size = _size(results, drawn)
    labelled = {result.get('id') for result in results if _label_of(result)}
    shapes: list[Shape] = []
    for result in results:
        if not _label_of(result) and not _is_of_region(result) and result.get('id') in labelled:
            continue  # the same region again, without its label
        try:
            shapes += _shapes(result, size, drawn, told)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            kind = result.get('type')
            raise drawn.fault(f'has a {kind} that Label Studio does not write ({str(error)[:100]})') from error
    if not results:
        told['images have no result, and are taken as images in which there is nothing'] += 1
    return replace(drawn, shapes=shapes, size=size)


def _about(data: Mapping[str, Any], where: str, results: Sequence[Mapping[str, Any]], file: Path) -> list[str]:
    """Return the texts of a task that may be the path of the image which its results are about.

    Raises:
        DataError: If several images are meant, or it is not clear which one.
    """
    texts = {key: text for key, text in data.items() if isinstance(text, str)}
    of_images = {text for text in texts.values() if (parts := _parts(text)) and parts[-1].lower().endswith(SUFFIXES)}
    if len(of_images) < 2:
        return list(texts.values())
    objects = {str(result['to_name']) for result in results if result.get('to_name')}
    if len(objects) < 2 and (name := next(iter(objects), _USUAL_OBJECT)) in texts:
        return [texts[name]]
    raise DataError(
        f'{where} has several images, {", ".join(sorted(of_images))[:200]}, and which of them its labels are about is '
        f'not clear ({", ".join(sorted(objects))}); a task must have one',
        file=file,
    )


def _named(texts: Sequence[str], where: str, file: PurePosixPath, tree: Tree, listed: ListedImages) -> PurePosixPath:
    """Return the image that a task is about.

    Raises:
        DataError: If there is none in the folder, or several may be meant.
    """
    for text in texts:
        for name in _names(text):
            if (image := listed.find(name, file)) is not None:
                return image
    uploaded = {_as_uploaded(_UPLOAD.sub('', parts[-1])) for text in texts if (parts := _parts(text))}
    images = [image for image in tree.images if _as_uploaded(image.name) in uploaded]
    if len(images) != 1:
        found = f'{images[0]} or {images[1]}' if images else f'no image in {tree.root}'
        raise DataError(f'{where} is about {", ".join(texts)[:200]}, which is {found}', file=tree.path(file))
    return listed.require(str(images[0]), file)


def _as_uploaded(name: str) -> str:
    return re.sub(r'[^-\w.]', '', name.replace(' ', '_'))


def _parts(text: str) -> list[str]:
    """Return the folders and the name of a file, by its path or address."""
    address = urlsplit(text)
    path = parse_qs(address.query).get('d', [unquote(address.path)])[0]
    return [part for part in path.replace('\\', '/').split('/') if part]


def _names(text: str) -> Iterator[str]:
    """Yield what the file of an image may be called, by its path or address, the longest name first."""
    parts = _parts(text)
    for start in range(len(parts)):
        yield '/'.join(parts[start:])
    if parts:
        yield _UPLOAD.sub('', parts[-1])


def _size(results: Sequence[dict[str, Any]], image: DrawnImage) -> tuple[int, int] | None:
    """Return the (height, width) that results list; None if none does.

    Raises:
        DataError: If they list several, or the image was turned while it was labelled.
    """
    sizes = {
        (result['original_height'], result['original_width'])
        for result in results
        if 'original_height' in result and 'original_width' in result
    }
    if any(result.get('image_rotation') for result in results):
        raise image.fault('was rotated in Label Studio, which does not say where its labels lie in the file')
    if len(sizes) > 1 or not all(isinstance(side, int) and side > 0 for size in sizes for side in size):
        raise image.fault(f'has results that list (height, width) {sorted(map(str, sizes))}')
    return next(iter(sizes), None)


def _is_of_region(result: Mapping[str, Any]) -> bool:
    """Return whether a result says something about a region, whose place it repeats, and not about the image."""
    value = result.get('value')
    return result.get('type') in _ABOUT_REGIONS and isinstance(value, dict) and bool(_GEOMETRY & set(value))


def _label_of(result: Mapping[str, Any]) -> list[str]:
    value = result.get('value')
    found = value.get(result.get('type')) if isinstance(value, dict) else None
    return [str(label) for label in found] if isinstance(found, list) else []


def _shapes(
    result: Mapping[str, Any], size: tuple[int, int] | None, image: DrawnImage, told: Counter[str]
) -> list[Shape]:
    value, labels = result.get('value'), _label_of(result)
    if _is_of_region(result):
        told[f'results of type {result.get("type")!r} about single regions are not read'] += 1
        return []
    if result.get('type') == 'choices':
        return [image_class(label, str(result['from_name'])) for label in labels]
    if not isinstance(value, dict) or not _GEOMETRY & set(value):
        if str(result.get('type')).endswith(_SHAPE_TYPES):
            raise image.fault(f'has a shape of the type {result.get("type")!r}, which is not known')
        told[f'results of type {result.get("type")!r} are not read'] += 1
        return []
    if len(labels) > 1:
        raise ValueError(f'it has {len(labels)} labels: {", ".join(labels)}')
    if size is None:
        raise ValueError('it lists no size of the image')
    label, (height, width) = labels[0] if labels else UNNAMED_CLASS, size
    x, y, turned = (float(value.get(key) or 0) for key in ('x', 'y', 'rotation'))
    x, y = x / 100 * width, y / 100 * height
    if 'rle' in value:
        return [mask_region(label, partial(_painted, value['rle'], size, image))]
    if 'points' in value:
        return [polygon(label, [[a / 100 * width, b / 100 * height] for a, b in value['points']])]
    if 'radiusX' in value:
        return [ellipse(label, (x, y), (value['radiusX'] / 100 * width, value['radiusY'] / 100 * height), turned)]
    if 'height' in value:
        box = (x, y, x + value['width'] / 100 * width, y + value['height'] / 100 * height)
        return [rectangle(label, box, turned, pivot=(x, y))]
    return [point(label, (x, y))]


def _painted(numbers: Any, size: tuple[int, int], image: DrawnImage) -> np.ndarray:
    try:
        return decode_brush(numbers, size)
    except ValueError as error:
        raise image.fault(f'has a brush mask that Label Studio does not write ({error})') from error
