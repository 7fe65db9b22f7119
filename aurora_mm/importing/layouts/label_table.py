from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from aurora_mm.column_names import folded_header
from aurora_mm.errors import DataError
from aurora_mm.images.sources import split_source
from aurora_mm.importing.boxes import BoxTask
from aurora_mm.importing.found import FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.mapped_task import MappedTask
from aurora_mm.importing.named_images import images_named
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.table_columns import box_columns, class_columns, classes_of, group_column, split_column
from aurora_mm.importing.table_file import TABLE_SUFFIXES, TableFile
from aurora_mm.importing.table_of_images import image_column
from aurora_mm.importing.task_names import UNNAMED_CLASS, task_name
from aurora_mm.importing.tree import Tree

_ATTRIBUTES = {
    name.lower(): name
    for name in ('SOPInstanceUID', 'SeriesInstanceUID', 'StudyInstanceUID', 'AccessionNumber', 'PatientID')
}
_MOST_TABLES = 20  # a folder with more has one beside each image, as of measurements


class LabelTable(Layout):
    """Images and one table with a row for each image or box: a CSV file or an Excel workbook.

    A column names images, by a path, a name with or without suffix, the folder of a patient, or an attribute of DICOM
    files such as the accession number. The other columns are recognised by their names: classes, boxes in pixels, the
    patient and the split, see :mod:`aurora_mm.importing.table_columns`. Columns that are not are told and not read.
    """

    name = 'images and a table of labels'
    options = ('name', 'classes', 'objects')
    reads_tables = True

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return bool(tree.images) and any(True for _ in self._tables(tree))

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        tables = list(self._tables(tree))
        if len(tables) > 1:
            names = ' and '.join(table.file.name for table, _ in tables)
            raise DataError(f'{names} both name images; --map says what is read from which', file=tree.root)
        table, fields = tables[0]
        said = {'group': group_column(table), 'split': split_column(table)}
        fields |= {key: column for key, column in said.items() if column is not None}
        items = _items(table, fields, task_name(options.name or tree.root.name), options)
        _tell_unread(table, items)
        found = [MappedTask(item, table.file).find(tree) for item in items]
        if 'box' in items[0]:
            found = [_boxes_of(found[0], tree, options)]
        # Guessed columns do not outweigh the patients of DICOM headers.
        return [replace(item, rows=[replace(row, is_patient=False) for row in item.rows]) for item in found]

    def _tables(self, tree: Tree) -> Iterator[tuple[TableFile, dict[str, str]]]:
        """Yield the tables that name images, with the fields of a description that say how."""
        files = tree.ending(*TABLE_SUFFIXES)
        for file in files if len(files) <= _MOST_TABLES else ():
            table = tree.table(file)
            if (column := image_column(table, images_named(tree))) is not None:
                yield table, dict(table=file.as_posix(), image=column)
            elif (match := _attribute_column(tree, table)) is not None:
                yield table, dict(table=file.as_posix(), image=match[0], match=match[1])


def _attribute_column(tree: Tree, table: TableFile) -> tuple[str, str] | None:
    """Return the column that names images by a DICOM attribute, and the attribute."""
    of_columns = {folded_header(column): column for column in table.columns}
    for header, attribute in _ATTRIBUTES.items():
        if header in of_columns and image_column(table, images_named(tree, attribute)) == of_columns[header]:
            return of_columns[header], attribute
    return None


def _items(table: TableFile, fields: dict[str, str], name: str, options: ImportOptions) -> list[dict[str, Any]]:
    """Return descriptions of the tasks of a table, as :class:`MappedTask` reads them."""
    classes = class_columns(table)
    box = box_columns(table)
    if box is not None:
        kinds = classes_of(table, classes[0]) if classes else []
        of_class = {'class': classes[0]} if kinds else {}
        item = dict(
            name=name, type='multi_object_detection', classes=kinds or [UNNAMED_CLASS], box=box[0], box_format=box[1]
        )
        return [fields | item | of_class]
    if not classes:
        example = dict(name=name, type='classification', classes=['...'], **fields)
        example['class'] = next((c for c in table.columns if c not in fields.values()), '...')
        raise DataError(
            f'names images in column {fields["image"]!r}, but none of its columns {", ".join(table.columns)} is called '
            f'as labels are. Describe it in a file and give it by --map, such as\n{json.dumps([example])}',
            file=table.file,
        )
    return [
        fields
        | {
            'name': name if len(classes) == 1 else task_name(f'{name}_{column}'),
            'type': 'classification',
            'classes': list(options.classes or classes_of(table, column)),
            'class': column,
        }
        for column in classes
    ]


def _boxes_of(found: FoundTask, tree: Tree, options: ImportOptions) -> FoundTask:
    """Return the task of boxes that options and the number of boxes in each image make, see :class:`BoxTask`."""
    names = found.task.classes
    boxes = [
        [(names[label], box) for label, box in zip(said['bboxes_labels'], said['bboxes'], strict=True)]
        for row in found.rows
        if (said := row.answer()) is not None
    ]
    task = BoxTask(found.task.name, boxes, tree.root, options)
    rows = [
        replace(row, answer=partial(task.answer, of_image, Path(split_source(row.image)[0])))
        for row, of_image in zip(found.rows, boxes, strict=True)
    ]
    return replace(found, task=task.task, rows=rows)


def _tell_unread(table: TableFile, items: Iterable[dict[str, Any]]) -> None:
    read = {
        column
        for item in items
        for value in item.values()
        for column in (value if isinstance(value, list) else [value])
    }
    unread = [column for column in table.columns if column not in read]
    if unread:
        text = f'columns that are not read: {", ".join(unread)}; a map names further ones'
        print_log(f'{table.file}: {text}', logger='current', level=logging.WARNING)
