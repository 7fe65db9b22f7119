from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from mmengine.logging import print_log

from aurora_mm.converters.splits import split_of
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import frame_sources
from aurora_mm.images.sources import frame_source
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.mapped_labels import MappedLabel, MaskFileLabel, PathLabel, TableLabel
from aurora_mm.importing.patterns import fitting_images
from aurora_mm.importing.table_answers import TABLE_ANSWERS
from aurora_mm.importing.table_file import TableRow
from aurora_mm.importing.table_of_images import TableOfImages
from aurora_mm.importing.tree import Tree
from aurora_mm.tasks import Task

_KEYS = {
    *MaskFileLabel.keys,
    *TableOfImages.keys,
    *(key for answer in TABLE_ANSWERS.values() for key in answer.keys),
}


class MappedTask:
    """A task that a description finds in a folder.

    Args:
        item: The fields of :class:`aurora_mm.tasks.Task`, and those that :mod:`aurora_mm.importing.mapping` lists.
        place: Where the description stands, for error messages.

    Raises:
        ConfigError: If it describes no task.
    """

    def __init__(self, item: Mapping[str, Any], place: str | Path) -> None:
        self.task = Task.from_config({key: value for key, value in item.items() if key not in _KEYS})
        self._fields = {key: item[key] for key in item if key in _KEYS}
        self._place = f'{place}: task {self.task.name!r}'

    def find(self, tree: Tree) -> FoundTask:
        """Return the task with its rows in a folder.

        Raises:
            ConfigError: If the description contradicts itself, or names no table or no column.
            DataError: If a file or a row of a table contradicts the description, or no image has a label.
        """
        label = self._label(tree)
        images = self._images(tree, label)
        table = None
        if 'table' in self._fields:
            table = TableOfImages(tree, self._fields, images, self._place, is_single=label.has_place)
            table.table.require(label.columns, self._place)
        found, unlabelled = FoundTask(self.task), 0
        for image, frame, rows in self._pictures(tree, images, table):
            answer = label.answer(image, images[image], rows)
            if answer is None:
                unlabelled += 1
                continue
            split = (table.split(rows) if table else '') or _split(images[image].get('split'), tree.path(image))
            patient = table.group(rows) if table else ''
            group = patient or images[image].get('group', '')
            for source, path in _sources(tree, image, frame, label.has_place):
                clip = '' if path == image.as_posix() else image.as_posix()
                found.rows.append(
                    FoundRow(source, path, partial(answer, source), split, group or clip, is_patient=bool(patient))
                )
        unnamed = 0 if table is None or label.names_masks else len({*images} - {image for image, _ in table.rows})
        for count, what in ((unlabelled, 'images without a label'), (unnamed, 'images that no row names')):
            if count:
                print_log(f'{self._place}: left out: {count} {what}', logger='current', level=logging.WARNING)
        if not found.rows:
            raise DataError(f'no image has a label of task {self.task.name!r}', file=tree.root)
        return found

    def _label(self, tree: Tree) -> MappedLabel:
        fields, kind = self._fields, self.task.type
        label: MappedLabel
        if 'masks' in fields or (kind == 'segmentation' and 'table' not in fields):
            label = MaskFileLabel(tree, self.task, fields, self._place)
        elif kind == 'classification' and 'class' not in fields:
            label = PathLabel(tree, self.task, fields, self._place)
        elif 'table' in fields:
            label = TableLabel(TABLE_ANSWERS[kind](self.task, fields, tree, self._place))
        else:
            raise ConfigError(f"{self._place}: labels of type {kind} come from a table; name its file as 'table'")
        used = {'images', *label.keys, *(TableOfImages.keys if 'table' in fields else ())}
        if unused := [key for key in fields if key not in used]:
            raise ConfigError(f'{self._place}: {unused[0]!r} has no effect here; leave it out')
        return label

    def _images(self, tree: Tree, label: MappedLabel) -> dict[PurePosixPath, dict[str, str]]:
        """Return the images that may have a label, with what stands in the places of their pattern."""
        pattern = self._fields.get('images')
        images = dict(fitting_images(tree, pattern)) if pattern else {image: {} for image in tree.images}
        images = {image: places for image, places in images.items() if label.is_image(image)}
        if not images:
            raise DataError(f'no file fits the pattern {pattern!r} of task {self.task.name!r}', file=tree.root)
        return images

    def _pictures(
        self, tree: Tree, images: Mapping[PurePosixPath, Any], table: TableOfImages | None
    ) -> Iterator[tuple[PurePosixPath, int | None, list[TableRow]]]:
        """Yield images with the frame and the rows of the table that are about them."""
        if table is None:
            yield from ((image, None, []) for image in images)
            return
        named = {image for image, _ in table.rows}
        for image in images if 'images' in self._fields else ():
            if image not in named:
                raise DataError(f'no row of {table.table.file} names this image', file=tree.path(image))
        for (image, frame), rows in table.rows.items():
            yield image, frame, rows


def _sources(tree: Tree, image: PurePosixPath, frame: int | None, has_place: bool) -> list[tuple[str, str]]:
    """Return the pictures of a file that have its label: the path of each, and where it goes below the data root."""
    path = tree.path(image)
    if frame is not None:
        return [(frame_source(path, frame), frame_source(image.as_posix(), frame))]
    with naming(path):
        sources = frame_sources(path)
    if has_place and len(sources) > 1:
        raise DataError(
            f"has {len(sources)} frames, and a label at some place is that of one; 'frame' names the column of a table "
            'that says which',
            file=path,
        )
    return [(source, image.as_posix() + source[len(str(path)) :]) for source in sources]


def _split(text: str | None, file: Path) -> str:
    if text is None:
        return ''
    found = split_of(text)
    if found is None:
        raise DataError(f'{text!r} is no name of a split', file=file)
    return found[0]
