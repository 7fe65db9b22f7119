"""One row's cells: files found, labels parsed, and what is wrong with them told by value."""

from __future__ import annotations

import math
import os
import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aurora_mm.images.sources import split_source
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

# Python's float() takes '1_000', 'infinity' and digits of every script as well.
_NUMBER = re.compile(r'[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?')
_CONTROL = re.compile(r'[\x00-\x1f\x7f]')
_POINT = re.compile(r'\[([^,\[\]]*),([^,\[\]]*)\]')

BOX_COLUMNS = ('x_min', 'y_min', 'x_max', 'y_max')


class BadRow(Exception):
    """What is wrong with one row; the reader of the file adds the place."""


class Files:
    """Finds the files that rows name. Each folder is listed once: 40,000 rows must not cost 40,000 stats."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[str, tuple[str, frozenset[str]]] = {}

    def locate(self, column: str, text: str, must_exist: bool = True) -> tuple[str, str]:
        """(path, path under the root) of a file given relative to ``csv_files``.

        Args:
            column: Of the text, for messages.
            text: The cell.
            must_exist: Whether the file must be there.

        Raises:
            BadRow: If the text names no file below the root, or the file is not there.
        """
        parent, _, name = text.strip().rpartition('/')
        if name in ('', '.', '..') or _CONTROL.search(text):
            raise BadRow(f'{column} {text!r} names no file')
        if parent not in self._folders:
            self._folders[parent] = self._listing(column, text, parent)
        folder, names = self._folders[parent]
        path = f'{self._root}/{folder}/{name}'
        if must_exist and split_source(name)[0].name not in names:
            hint = "; folders are separated by '/'" if '\\' in text else _alike(name, names)
            raise BadRow(f'{column} {text!r}: there is no file {path}{hint}')
        return path, f'{folder}/{name}'

    def _listing(self, column: str, text: str, parent: str) -> tuple[str, frozenset[str]]:
        folder = posixpath.normpath(posixpath.join('csv_files', parent))
        if folder.startswith('/') or folder.split('/')[0] == '..':
            raise BadRow(f'{column} {text!r} leads out of the data root {self._root}')
        try:
            with os.scandir(self._root / folder) as entries:
                return folder, frozenset(entry.name for entry in entries if _is_file(entry))
        except (FileNotFoundError, NotADirectoryError):
            return folder, frozenset()
        except OSError as error:
            raise BadRow(f'{column} {text!r}: the folder cannot be read ({error.strerror})') from error


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def _alike(name: str, names: Iterable[str]) -> str:
    """A hint at a file whose name differs only in capitals or in how Unicode puts letters together, as macOS does."""

    def plain(text: str) -> str:
        return unicodedata.normalize('NFC', text).casefold()

    found = next((other for other in sorted(names) if plain(other) == plain(name)), None)
    return '' if found is None else f'; {found!r} is there, whose letters are encoded otherwise ({found!a})'


def needed_columns(task: Task) -> tuple[str, ...]:
    """The columns that hold the annotation of a task."""
    return ANNOTATION_CELLS[task.type].columns(task)


def _number(column: str, text: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text.strip()) else math.nan
    if not math.isfinite(value):
        raise BadRow(f'{column} {_shortened(text)} is not a number')
    return value


def integer(column: str, text: str) -> int:
    """An integer; '1.0' is one too, which is how pandas writes a column with empty cells."""
    value = _number(column, text)
    if not value.is_integer():
        raise BadRow(f'{column} {_shortened(text)} is not an integer')
    return int(value)


def _parse_mask(cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
    return {'seg_map_path': files.locate('mask_path', cells['mask_path'])[0]}


def _parse_label(cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
    label = integer('mask', cells['mask'])
    if not 0 <= label < task.num_outputs:
        raise BadRow(f'label (column mask) {label} of {task.name!r} is not in 0..{task.num_outputs - 1}')
    return {'gt_label': label}


def _parse_box(cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
    if task.num_outputs != 1:
        raise BadRow(f'detection task {task.name!r} has {task.num_outputs} classes, but a row has no column for one')
    box = [_number(column, cells[column]) for column in BOX_COLUMNS]
    if box[2] <= box[0] or box[3] <= box[1]:
        raise BadRow(f'box {box} is empty: x_max <= x_min or y_max <= y_min')
    if min(box) < 0:
        raise BadRow(f'box {box} has a negative coordinate')
    return {'bbox': box}


def _parse_points(cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
    return {'points': [_parse_point(column, cells[column]) for column in needed_columns(task)]}


def _parse_point(column: str, text: str) -> list[float]:
    numbers = _POINT.fullmatch(text.strip())
    if numbers is not None:
        try:
            return [_number(column, number) for number in numbers.groups()]
        except BadRow:
            pass
    raise BadRow(f'{column} {_shortened(text)} is not a point; it should read "[x, y]"')


def _shortened(text: str) -> str:
    return repr(text) if len(text) <= 100 else f'{text[:100]!r}...'


class AnnotationCells(NamedTuple):
    """How annotations of a task type stand in a row.

    Args:
        columns: The columns that a task needs.
        parse: Makes of a row's cells what a data set's item holds; it raises BadRow.
    """

    columns: Callable[[Task], tuple[str, ...]]
    parse: Callable[[Mapping[str, str], Task, Files], dict[str, Any]]


ANNOTATION_CELLS: ByTaskType[AnnotationCells] = ByTaskType('column of the CSV files')
ANNOTATION_CELLS.update(
    segmentation=AnnotationCells(lambda task: ('mask_path',), _parse_mask),
    classification=AnnotationCells(lambda task: ('mask',), _parse_label),
    detection=AnnotationCells(lambda task: BOX_COLUMNS, _parse_box),
    landmark=AnnotationCells(lambda task: tuple(f'point_{i + 1}_xy' for i in range(task.num_outputs)), _parse_points),
)


def parse_annotation(cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
    """The annotation in a row's cells, under the key that its type has in a data set's items.

    Raises:
        BadRow: If a cell is malformed or its value impossible for the task, or the mask file is missing.
    """
    return ANNOTATION_CELLS[task.type].parse(cells, task, files)
