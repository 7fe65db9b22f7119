from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from aurora_mm.errors import DataError
from aurora_mm.importing.found import FoundTask
from aurora_mm.importing.label_files import json_files_that
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.listed_images import ListedImages
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.shapes import DrawnImage, Shape, ellipse, point, polygon, rectangle, tasks_of_shapes
from aurora_mm.importing.table_columns import is_class_name
from aurora_mm.importing.task_names import UNNAMED_CLASS
from aurora_mm.importing.tree import Tree, split_of_path

_PROJECT = '_via_img_metadata'
_COLUMNS = ('filename', 'region_shape_attributes', 'region_attributes')


@dataclass(frozen=True)
class _Image:
    file: PurePosixPath
    name: str
    size: int  # of the image file in bytes; -1 if it is not known
    regions: Sequence[Mapping[str, Any]]
    attributes: Mapping[str, Any]


class Via(Layout):
    """Regions as the VGG Image Annotator (VIA 2) saves them: a project, or annotations that were exported as JSON or
    CSV, with the images in the folder of the file or below.

    Polygons, circles and ellipses are areas. The class of a region is its only attribute, or else the one that is
    called as classes are. Regions without any attribute are of one class. An attribute with boxes to tick must have one
    ticked. See :func:`aurora_mm.importing.shapes.tasks_of_shapes` for the tasks that regions make.
    """

    name = 'VIA'
    options = ('name', 'classes', 'objects', 'missing_points')
    reads_tables = True

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return bool(tree.images) and (bool(json_files_that(tree, _is_via)) or any(True for _ in _tables(tree)))

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        files = json_files_that(tree, _is_via)
        items = [item for file, content in files.items() for item in _of_json(file, content, tree)]
        items += [item for file in _tables(tree) for item in _of_table(file, tree)]
        attribute = _class_attribute(items, tree)
        listed = ListedImages(tree)
        images, changed = [], 0
        for item in items:
            image = listed.require(item.name, item.file)
            changed += item.size >= 0 and item.size != tree.path(image).stat().st_size
            drawn = DrawnImage(image, tree.path(item.file), (), split=split_of_path(image))
            images.append(replace(drawn, shapes=[_shape(region, attribute, drawn) for region in item.regions]))
        listed.tell_unlisted()
        _tell(items, attribute, changed, tree)
        order = [label for content in files.values() for label in _options(content, attribute)]
        return tasks_of_shapes(images, tree, options, order)


def _tables(tree: Tree) -> Iterator[PurePosixPath]:
    """Yield the CSV files with the columns that VIA writes."""
    for file in tree.ending('.csv'):
        with tree.path(file).open('rb') as stream:
            header = stream.readline(2000).decode('utf-8', errors='replace')
        if all(column in header for column in _COLUMNS):
            yield file


def _is_via(content: Any) -> bool:
    if not isinstance(content, dict):
        return False
    images = content.get(_PROJECT, content)
    return isinstance(images, dict) and (
        _PROJECT in content
        or (bool(images) and all(isinstance(i, dict) and {'filename', 'regions'} <= set(i) for i in images.values()))
    )


def _of_json(file: PurePosixPath, content: dict[str, Any], tree: Tree) -> Iterator[_Image]:
    for item in content.get(_PROJECT, content).values():
        try:
            regions = item['regions']
            regions = list(regions.values() if isinstance(regions, dict) else regions)  # VIA 1 numbers them
            attributes = item.get('file_attributes') or {}
            yield _Image(file, str(item['filename']), int(item.get('size', -1)), regions, attributes)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f'is no image of VIA: {str(item)[:100]}', file=tree.path(file)) from error


def _of_table(file: PurePosixPath, tree: Tree) -> Iterator[_Image]:
    """Yield the images of a CSV file, which has a row for each region."""
    regions: dict[tuple[str, int], list[dict[str, Any]]] = {}
    said: dict[tuple[str, int], dict[str, Any]] = {}
    for row in tree.table(file).rows:
        cells = {column.removeprefix('#'): text for column, text in row.cells.items()}  # of VIA 1: #filename
        try:
            shape, attributes, of_file = (
                json.loads(cells.get(column) or '{}')
                for column in ('region_shape_attributes', 'region_attributes', 'file_attributes')
            )
            size = int(cells.get('file_size') or -1)
        except ValueError as error:
            raise row.fault(f'is no row of VIA ({error})') from error
        key = cells['filename'], size  # by which VIA tells images of one name in several folders apart
        said[key] = of_file
        found = regions.setdefault(key, [])
        if shape:
            found.append(dict(shape_attributes=shape, region_attributes=attributes))
    for (name, size), found in regions.items():
        yield _Image(file, name, size, found, said[name, size])


def _class_attribute(items: Sequence[_Image], tree: Tree) -> str | None:
    """Return the attribute of regions that says the class; None if regions have no attributes.

    Raises:
        DataError: If there are several, and not exactly one is called as classes are.
    """
    regions = [region for item in items for region in item.regions if isinstance(region, dict)]
    names = list(dict.fromkeys(name for region in regions for name in region.get('region_attributes') or {}))
    if len(names) < 2:
        return names[0] if names else None
    if len(chosen := [name for name in names if is_class_name(name)]) != 1:
        raise DataError(
            f'regions have the attributes {", ".join(names)}; which of them is the class is not clear. Call one of '
            'them class in the file',
            file=tree.path(items[0].file),
        )
    return chosen[0]


def _options(content: dict[str, Any], attribute: str | None) -> list[str]:
    """Return the values of the class attribute in the order in which a project lists them."""
    try:
        return list(content['_via_attributes']['region'][attribute]['options'])
    except (KeyError, TypeError):
        return []


def _shape(region: Any, attribute: str | None, image: DrawnImage) -> Shape:
    try:
        shape, values = region['shape_attributes'], region.get('region_attributes') or {}
        label = UNNAMED_CLASS if attribute is None else _label(values.get(attribute), attribute, image)
        kind = shape['name']
        if kind == 'polygon':
            return polygon(label, list(zip(shape['all_points_x'], shape['all_points_y'], strict=True)))
        if kind == 'rect':
            x, y = shape['x'], shape['y']
            return rectangle(label, (x, y, x + shape['width'], y + shape['height']))
        if kind == 'circle':
            return ellipse(label, (shape['cx'], shape['cy']), (shape['r'], shape['r']))
        if kind == 'ellipse':
            degrees = math.degrees(shape.get('theta', 0))
            return ellipse(label, (shape['cx'], shape['cy']), (shape['rx'], shape['ry']), degrees)
        if kind == 'point':
            return point(label, (shape['cx'], shape['cy']))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise image.fault(f'has a region that VIA does not write ({str(error)[:80]}): {str(region)[:100]}') from error
    raise image.fault(f'has a region of the shape {kind!r}; polygon, rect, circle, ellipse and point are known')


def _label(value: Any, attribute: str, image: DrawnImage) -> str:
    ticked = [str(name) for name, on in value.items() if on] if isinstance(value, dict) else [str(value or '').strip()]
    if len(ticked) != 1 or not ticked[0]:
        raise image.fault(f'has a region whose attribute {attribute!r} is {value!r}, which is not one class')
    return ticked[0]


def _tell(items: Sequence[_Image], attribute: str | None, changed: int, tree: Tree) -> None:
    others = {n for i in items for r in i.regions for n in r.get('region_attributes') or {} if n != attribute}
    of_files = {name for item in items for name, value in item.attributes.items() if value not in ('', {})}
    texts = []
    if unread := sorted(others) + sorted(of_files):
        texts.append(f'attributes that are not read: {", ".join(unread)}')
    if empty := sum(not item.regions for item in items):
        texts.append(f'{empty} images have no region, and are taken as images in which there is nothing')
    if changed:
        texts.append(
            f'{changed} image files have another size in bytes than when they were drawn in: if they were '
            'scaled, regions lie elsewhere'
        )
    for text in texts:
        tree.warn(text)
