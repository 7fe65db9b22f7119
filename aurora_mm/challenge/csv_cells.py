"""Parses the cells of CSV rows: numbers, lists of numbers, points and paths of files."""

from __future__ import annotations

import json
import os
import posixpath
import re
import sys
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aurora_mm.folders import folder_time
from aurora_mm.images.shards.sharded_root import sharded_root_of
from aurora_mm.images.sources import split_source
from aurora_mm.plain_numbers import plain_number

_THREADS = 8

_CONTROL = re.compile(r'[\x00-\x1f\x7f]')
_POINT = re.compile(r'\[([^,\[\]]*),([^,\[\]]*)\]')


class BadRow(Exception):
    """An error of one row. The reader of the file adds the file and the line."""


class Files:
    """Finds the files that CSV rows refer to. Each folder is only listed once, which is fast for many rows.

    Args:
        root: Data root, the folder that contains ``csv_files``.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[str, tuple[str, frozenset[str]]] = {}
        self.changed: dict[str, int | None] = {}
        """When each folder was last changed before it was listed, see :func:`aurora_mm.folders.folder_time`."""

    def locate(self, column: str, text: str, must_exist: bool = True) -> tuple[str, str]:
        """Find a file by a path relative to ``csv_files``.

        Args:
            column: Column of the cell, for the error message.
            text: Text of the cell.
            must_exist: Whether the file must exist.

        Returns:
            The path, and the path relative to the data root.

        Raises:
            BadRow: If the path is not valid or leads out of the data root, or the file does not exist.
        """
        parent, _, name = text.strip().rpartition('/')
        if name in ('', '.', '..') or _CONTROL.search(text):
            raise BadRow(f'{column} {text!r} names no file')
        if parent not in self._folders:
            self._folders[parent] = self._listing(column, text, parent)
        folder, names = self._folders[parent]
        path = f'{self._root}/{folder}/{name}'
        file = split_source(name)[0].name if '#' in name else name
        if must_exist and file not in names:
            raise BadRow(f'{column} {text!r}: there is no file {path}{self._hint(text, name, names)}')
        return path, f'{folder}/{name}'

    def listing(self, parent: str) -> tuple[str, frozenset[str]] | None:
        """List the folder of a path that is relative to ``csv_files``.

        Args:
            parent: The path without its last part.

        Returns:
            The folder relative to the data root, and the names of its files. None if it leads out of the data root or
            cannot be read.
        """
        if parent not in self._folders:
            try:
                self._folders[parent] = self._listing('', parent, parent)
            except BadRow:
                return None
        return self._folders[parent]

    def list_folders(self, parents: Iterable[str]) -> None:
        """List many folders at the same time, which is faster on a network disk.

        Args:
            parents: Paths of files relative to ``csv_files``, each without its last part.
        """
        with ThreadPoolExecutor(_THREADS) as pool:
            for _ in pool.map(self.listing, parents):
                pass

    def _hint(self, text: str, name: str, names: Iterable[str]) -> str:
        if '\\' in text:
            return "; folders are separated by '/'"
        if (self._root / text).is_file():
            return f'; paths are relative to the folder csv_files: {"../" + text!r} is there'
        return _alike(name, names)

    def _listing(self, column: str, text: str, parent: str) -> tuple[str, frozenset[str]]:
        folder = posixpath.normpath(posixpath.join('csv_files', parent))
        if folder.startswith('/') and Path(text).is_relative_to(self._root.absolute()):
            relative = posixpath.relpath(text, self._root.absolute() / 'csv_files')
            raise BadRow(f'{column} {text!r} is absolute; paths are relative to the folder csv_files, as {relative!r}')
        if folder.startswith('/') or folder.split('/')[0] == '..':
            raise BadRow(f'{column} {text!r} leads out of the data root {self._root}')
        shards = sharded_root_of(self._root / folder / '_')
        if shards is not None:
            self.changed[str(shards.index.file.parent)] = folder_time(shards.index.file.parent)
            return folder, shards.index.names_in(shards.relative(self._root / folder))
        self.changed[str(self._root / folder)] = folder_time(self._root / folder)
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
    """Return a hint at a file whose name only differs in upper and lower case or in its Unicode normalization."""

    def plain(text: str) -> str:
        return unicodedata.normalize('NFC', text).casefold()

    found = next((other for other in sorted(names) if plain(other) == plain(name)), None)
    return '' if found is None else f'; {found!r} is there, whose letters are encoded otherwise ({found!a})'


def number(column: str, text: str) -> float:
    """Parse a finite number.

    Args:
        column: Column of the cell, for the error message.
        text: Text of the cell.

    Raises:
        BadRow: If the text is not a finite number.
    """
    try:
        return plain_number(text)
    except ValueError as error:
        raise BadRow(f'{column} {_shortened(text)} is not a number') from error


def integer(column: str, text: str) -> int:
    """Parse an integer. Text such as '1.0', which pandas writes for columns with empty cells, is accepted.

    Args:
        column: Column of the cell, for the error message.
        text: Text of the cell.

    Raises:
        BadRow: If the text is not an integer.
    """
    value = number(column, text)
    if not value.is_integer():
        raise BadRow(f'{column} {_shortened(text)} is not an integer')
    return int(value)


def point_or_none(column: str, text: str) -> list[float] | None:
    """Parse a point from text such as ``"[12.5, 80]"``, or ``"null"`` of a point that is not labelled.

    Args:
        column: Column of the cell, for the error message.
        text: Text of the cell.

    Returns:
        x and y in pixels; None for ``"null"``.

    Raises:
        BadRow: If the text is neither a list of two finite numbers nor null.
    """
    if text.strip() == 'null':
        return None
    numbers = _POINT.fullmatch(text.strip())
    if numbers is not None:
        try:
            return [number(column, text) for text in numbers.groups()]
        except BadRow:
            pass
    raise BadRow(f'{column} {_shortened(text)} is not a point; it should read "[x, y]", or "null" of one without label')


def numbers(column: str, text: str, length: int | None = None) -> list[Any]:
    """Parse a JSON list of finite numbers, or of lists of ``length`` finite numbers.

    Args:
        column: Column of the cell, for the error message.
        text: Text of the cell.
        length: Length of each inner list. None for a list of numbers.

    Raises:
        BadRow: If the text is no such list.
    """
    wanted = 'numbers' if length is None else f'lists of {length} numbers'
    values = _list(column, text, wanted)
    for value in values:
        inner = [value] if length is None else value
        if not isinstance(inner, list) or len(inner) != (length or 1) or not all(map(_is_finite, inner)):
            raise BadRow(f'{column} holds {_shortened(json.dumps(value))}; it must be a JSON list of {wanted}')
    return values


def texts(column: str, text: str) -> list[str | None]:
    """Parse a JSON list of texts, any of which may be null.

    Args:
        column: Column of the cell, for the error message.
        text: Text of the cell.

    Raises:
        BadRow: If the text is no such list.
    """
    wanted = 'texts, such as ["../masks/1.png", null]'
    values = _list(column, text, wanted)
    if not all(value is None or isinstance(value, str) for value in values):
        raise BadRow(f'{column} {_shortened(text)} is not a JSON list of {wanted}')
    return values


def _list(column: str, text: str, wanted: str) -> list[Any]:
    """Parse a JSON list of anything."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list):
        raise BadRow(f'{column} {_shortened(text)} is not a JSON list of {wanted}')
    return values


def _is_finite(value: Any) -> bool:
    # Numbers of JSON may be too large for a float, and true is a number in Python.
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _shortened(text: str) -> str:
    return repr(text) if len(text) <= 100 else f'{text[:100]!r}...'
