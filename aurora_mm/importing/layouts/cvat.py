from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element

import numpy as np

from aurora_mm.converters.splits import split_of
from aurora_mm.errors import DataError
from aurora_mm.importing.found import FoundTask
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
from aurora_mm.importing.tree import Tree, split_of_path
from aurora_mm.plain_numbers import plain_number

_KNOWN = ('polygon', 'mask', 'ellipse', 'box', 'points', 'skeleton', 'tag')


class Cvat(Layout):
    """Shapes as CVAT exports them, format "CVAT for images 1.1": ``annotations.xml`` and the images, in ``images`` or
    elsewhere.

    Polygons, masks and ellipses are areas, painted in their ``z_order``; of a rotated box the box around it is taken.
    Points are named by their label, and several points of one element by their number too; those of a skeleton by
    their own labels, and those that are outside of the image are not labelled. Tags are classes of images. See
    :func:`aurora_mm.importing.shapes.tasks_of_shapes` for the tasks that shapes make. An image has the size that the
    file lists. The subset of a project, or else the folder of an image, says its split.
    """

    name = 'CVAT'
    options = ('name', 'classes', 'objects', 'missing_points')

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return bool(tree.images) and bool(_files(tree))

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        listed = ListedImages(tree)
        images: list[DrawnImage] = []
        order: list[str] = []
        attributes: set[str] = set()
        empty = 0
        for file in _files(tree):
            root = _root(tree, file)
            if root.find('track') is not None:
                raise DataError(
                    'is a file of "CVAT for video"; export the task as "CVAT for images 1.1"', file=tree.path(file)
                )
            order += [text for label in root.iter('label') if (text := label.findtext('name'))]
            for element in root.iter('image'):
                found = _image(element, file, tree, listed)
                empty += not found.shapes
                images.append(found)
            attributes |= {str(item.get('name')) for item in root.iterfind('image//attribute')}
        listed.tell_unlisted()
        texts = [f'attributes that are not read: {", ".join(sorted(attributes))}'] if attributes else []
        if empty:
            texts.append(f'{empty} images have no shape, and are taken as images in which there is nothing')
        for text in texts:
            tree.warn(text)
        return tasks_of_shapes(images, tree, options, order)


def _files(tree: Tree) -> list[PurePosixPath]:
    """Return the XML files that begin as those of CVAT do."""
    found = []
    for file in tree.ending('.xml'):
        with tree.path(file).open('rb') as stream:
            if b'<annotations>' in stream.read(200):
                found.append(file)
    return found


def _root(tree: Tree, file: PurePosixPath) -> Element:
    try:
        return ElementTree.parse(tree.path(file)).getroot()
    except ElementTree.ParseError as error:
        raise DataError(f'is no XML file ({error})', file=tree.path(file)) from error


def _image(element: Element, file: PurePosixPath, tree: Tree, listed: ListedImages) -> DrawnImage:
    subset = element.get('subset', '')
    try:
        name, size = element.attrib['name'], (int(element.attrib['height']), int(element.attrib['width']))
    except (KeyError, ValueError) as error:
        raise DataError(
            f'has an image without a name or a size: {dict(element.attrib)}', file=tree.path(file)
        ) from error
    image = listed.find(f'{subset}/{name}', file) if subset else None
    image = image or listed.require(name, file)
    found = split_of(subset)
    drawn = DrawnImage(image, tree.path(file), (), size, split_of_path(image) if found is None else found[0])
    layers: list[tuple[int, list[Shape]]] = []
    for item in element:
        if item.tag not in _KNOWN:
            raise drawn.fault(f'has a shape of type {item.tag!r}; {", ".join(_KNOWN)} are known')
        try:
            layers.append((int(item.get('z_order') or 0), _shapes(item, size)))
        except (KeyError, ValueError) as error:
            raise drawn.fault(f'has a {item.tag} that CVAT does not write ({str(error)[:80]})') from error
    layers.sort(key=lambda layer: layer[0])
    return replace(drawn, shapes=[shape for _, shapes in layers for shape in shapes])


def _shapes(item: Element, size: tuple[int, int]) -> list[Shape]:
    label, turned = item.get('label', ''), plain_number(item.get('rotation') or '0')
    if item.tag == 'polygon':
        return [polygon(label, _points(item))]
    if item.tag == 'box':
        return [rectangle(label, [plain_number(item.attrib[side]) for side in ('xtl', 'ytl', 'xbr', 'ybr')], turned)]
    if item.tag == 'ellipse':
        x, y, along, across = (plain_number(item.attrib[key]) for key in ('cx', 'cy', 'rx', 'ry'))
        return [ellipse(label, (x, y), (along, across), turned)]
    if item.tag == 'points':
        places = _points(item)
        names = [label] if len(places) == 1 else [f'{label}_{number}' for number in range(1, len(places) + 1)]
        return [point(name, place) for name, place in zip(names, places, strict=True)]
    if item.tag == 'skeleton':
        joints = list(item.iter('points'))
        seen = [shape for joint in joints if joint.get('outside') != '1' for shape in _shapes(joint, size)]
        return seen + [point(joint.get('label', ''), None) for joint in joints if joint.get('outside') == '1']
    if item.tag == 'tag':
        return [image_class(label)]
    if item.tag == 'mask':
        runs = [int(run) for run in item.attrib['rle'].split(',')]
        left, top, width, height = (int(item.attrib[key]) for key in ('left', 'top', 'width', 'height'))
        if min(runs) < 0 or sum(runs) != width * height:
            raise ValueError(f'runs of {sum(runs)} pixels in {width} x {height}')
        if min(left, top) < 0 or left + width > size[1] or top + height > size[0]:
            raise ValueError(f'it ends at {left + width}, {top + height}')
        return [mask_region(label, partial(_painted, runs, (left, top, width, height), size))]
    return []


def _points(item: Element) -> list[list[float]]:
    return [[plain_number(value) for value in pair.split(',')] for pair in item.attrib['points'].split(';')]


def _painted(runs: list[int], box: tuple[int, int, int, int], size: tuple[int, int]) -> np.ndarray:
    """Return the (H, W) bool mask of run lengths, which count along the rows of a box, zeros first."""
    left, top, width, height = box
    mask = np.zeros(size, bool)
    bits = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    mask[top : top + height, left : left + width] = bits.reshape(height, width)
    return mask
