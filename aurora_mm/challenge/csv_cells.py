"""Reading the cells of a CSV row: numbers, points and files, with errors that name the value."""

from __future__ import annotations

import math
import os
import posixpath
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from aurora_mm.images.sources import split_source

# Python's float() takes '1_000', 'infinity' and digits of every script as well.
_NUMBER = re.compile(r'[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?')
_CONTROL = re.compile(r'[\x00-\x1f\x7f]')
_POINT = re.compile(r'\[([^,\[\]]*),([^,\[\]]*)\]')


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


def number(column: str, text: str) -> float:
    """Read a finite number.

    Args:
        column: Column of the cell, for messages.
        text: The cell.

    Raises:
        BadRow: If it is none.
    """
    value = float(text) if _NUMBER.fullmatch(text.strip()) else math.nan
    if not math.isfinite(value):
        raise BadRow(f'{column} {_shortened(text)} is not a number')
    return value


def integer(column: str, text: str) -> int:
    """Read an integer; '1.0' is one too, which is how pandas writes a column with empty cells. See :func:`number`."""
    value = number(column, text)
    if not value.is_integer():
        raise BadRow(f'{column} {_shortened(text)} is not an integer')
    return int(value)


def point(column: str, text: str) -> list[float]:
    """Read a point, x and y in pixels, from text such as ``"[12.5, 80]"``. See :func:`number`."""
    numbers = _POINT.fullmatch(text.strip())
    if numbers is not None:
        try:
            return [number(column, text) for text in numbers.groups()]
        except BadRow:
            pass
    raise BadRow(f'{column} {_shortened(text)} is not a point; it should read "[x, y]"')


def _shortened(text: str) -> str:
    return repr(text) if len(text) <= 100 else f'{text[:100]!r}...'
