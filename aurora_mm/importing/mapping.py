"""A folder of any layout, described by a file.

The file is JSON: a list of tasks. Each has the fields of :class:`aurora_mm.tasks.Task`, and ``images``, a pattern of
files below the folder in which ``{id}`` stands for what an image and its label have in common, ``{class}`` for the name
of a class, ``{split}`` for a split and ``{group}`` for a patient; ``*`` stands for anything within a name. Segmentation
has ``masks``, a pattern with the same ``{id}``, and may have ``mask_values``; the class of an image comes from
``{class}``.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from aurora_mm.converters.splits import split_of
from aurora_mm.datasets.json_files import read_json_value
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.importing.answers import of_label, of_mask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.mask_colours import is_mask_value
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.tree import Tree
from aurora_mm.tasks import Task

MAP_TEMPLATE = """\
[
  {"name": "lesion", "type": "segmentation", "classes": ["background", "lesion"],
   "images": "{split}/scans/{id}.png", "masks": "{split}/outlines/{id}_m.png", "mask_values": [0, 255]},
  {"name": "finding", "type": "classification", "classes": ["benign", "malignant"],
   "images": "sorted/{class}/{group}_{id}.jpg"}
]"""
_FIELDS = ('images', 'masks', 'mask_values')
_PLACES = re.compile(r'\{(id|class|split|group)\}|(\*)')


class MappedLayout(Layout):
    """What a list of tasks describes.

    Args:
        items: The list, see :mod:`aurora_mm.importing.mapping`.
        origin: Where it stands, for messages.

    Raises:
        ConfigError: If it describes no tasks.
    """

    name = 'described by a file'
    options = ()

    def __init__(self, items: Any, origin: str | Path) -> None:
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items) or not items:
            raise ConfigError(f'{origin} must hold a list of tasks, as\n{MAP_TEMPLATE}')
        self._origin = origin
        self._items = [self._item(item) for item in items]

    @classmethod
    def from_file(cls, file: Path) -> MappedLayout:
        """Read a JSON file that holds the list.

        Raises:
            ConfigError: If the file cannot be read or describes no tasks.
        """
        try:
            return cls(read_json_value(file), file)
        except DataError as error:
            raise ConfigError(str(error)) from error

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return True

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        return [self._find(tree, task, fields) for task, fields in self._items]

    def _item(self, item: dict[str, Any]) -> tuple[Task, dict[str, Any]]:
        fields = {key: item[key] for key in _FIELDS if key in item}
        task = Task.from_config({key: value for key, value in item.items() if key not in _FIELDS})
        needed = {'segmentation': ('images', 'masks'), 'classification': ('images',)}.get(task.type)
        if needed is None:
            raise ConfigError(
                f'{self._origin}: task {task.name!r} is of type {task.type}; masks and classes can be mapped'
            )
        for key in needed:
            if not isinstance(fields.get(key), str):
                raise ConfigError(f'{self._origin}: task {task.name!r} needs a pattern {key!r}')
        place = '{id}' if task.type == 'segmentation' else '{class}'
        if not all(place in fields[key] for key in needed):
            raise ConfigError(f'{self._origin}: the patterns of task {task.name!r} must hold {place}')
        values = fields.get('mask_values')
        if values is not None and not _are_mask_values(values, task.num_outputs):
            raise ConfigError(
                f'{self._origin}: mask_values of task {task.name!r} must be different numbers, one for each class, or '
                'as many colours'
            )
        return task, fields

    def _find(self, tree: Tree, task: Task, fields: dict[str, Any]) -> FoundTask:
        found = FoundTask(task)
        masks = dict(_matching(tree, fields['masks'], ('id', 'split', 'group'))) if 'masks' in fields else {}
        mask_files = set(masks.values())
        for (image, places), key in _images(tree, fields['images']):
            if image in mask_files:
                continue  # the pattern of the images fits masks beside them, too
            split = _split(places.get('split'), tree.path(image))
            source, path = str(tree.path(image)), image.as_posix()
            if task.type == 'classification':
                if places['class'] not in task.classes:
                    raise DataError(f'is of class {places["class"]!r}, none of {list(task.classes)}', file=source)
                label = task.classes.index(places['class'])
                answer = partial(of_label, label)
            else:
                mask = masks.get(key)
                if mask is None:
                    raise DataError(f'this image has no mask {fields["masks"]!r}', file=source)
                answer = partial(of_mask, tree.path(mask), fields.get('mask_values'), task.num_outputs)
            found.rows.append(FoundRow(source, path, answer, split, places.get('group', '')))
        if not found.rows:
            raise DataError(f'no file fits the pattern {fields["images"]!r} of task {task.name!r}', file=tree.root)
        return found


_Key = tuple[str | None, ...]


def _are_mask_values(values: Any, count: int) -> bool:
    if not isinstance(values, list) or not all(map(is_mask_value, values)):
        return False
    return len(values) == len(set(values)) == count and len(set(map(type, values))) == 1


def _images(tree: Tree, pattern: str) -> list[tuple[tuple[PurePosixPath, dict[str, str]], _Key]]:
    expression = _expression(pattern)
    found = []
    for image in tree.images:
        if match := expression.fullmatch(image.as_posix()):
            places = match.groupdict()
            found.append(((image, places), tuple(places.get(place) for place in ('id', 'split', 'group'))))
    return found


def _matching(tree: Tree, pattern: str, key: tuple[str, ...]) -> list[tuple[_Key, PurePosixPath]]:
    expression = _expression(pattern)
    found: dict[_Key, PurePosixPath] = {}
    for file in tree.images:
        if match := expression.fullmatch(file.as_posix()):
            values = tuple(match.groupdict().get(place) for place in key)
            if values in found:
                raise DataError(f'and {found[values]} are the mask of one image', file=tree.path(file))
            found[values] = file
    return list(found.items())


def _expression(pattern: str) -> re.Pattern[str]:
    parts, position, seen = [], 0, set()
    for match in _PLACES.finditer(pattern):
        parts.append(re.escape(pattern[position : match.start()]))
        name = match[1]
        parts.append('[^/]*' if name is None else f'(?P={name})' if name in seen else f'(?P<{name}>[^/]+?)')
        seen.add(name)
        position = match.end()
    return re.compile(''.join(parts) + re.escape(pattern[position:]))


def _split(text: str | None, file: Path) -> str:
    if text is None:
        return ''
    found = split_of(text)
    if found is None:
        raise DataError(f'{text!r} is no name of a split', file=file)
    return found[0]
