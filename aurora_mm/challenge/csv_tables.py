"""Reads the rows of CSV files as text, and checks their headers."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from aurora_mm.errors import DataError

COMMON_COLUMNS = ('task_id', 'task_name', 'num_classes', 'image_path')
_REPEATED = ('task_id', 'task_name', 'num_classes')
PATH_COLUMNS = ('image_path', 'mask_path')
_IGNORED = ('.', '~$')  # prefixes of file names: hidden files, `._x.csv` of macOS, lock files of LibreOffice and Excel


class Row(NamedTuple):
    """One row of a CSV file.

    Args:
        file: Path of the CSV file.
        line: Line at which the row ends. The header is line 1.
        cells: Text of each cell, by column.
        fault: Error message about the whole row, or None.
    """

    file: Path
    line: int
    cells: dict[str, str]
    fault: str | None

    @property
    def place(self) -> str:
        """File and line, for error messages."""
        return f'{self.file}, row {self.line}'


def csv_files_of(root: str | Path) -> list[Path]:
    """Return the sorted paths of the files ``<root>/csv_files/*.csv``.

    The suffix may be in upper case. Hidden files and lock files of Excel are ignored.

    Args:
        root: Data root, the folder that contains ``csv_files``.

    Raises:
        DataError: If there is no such file, the folder cannot be read, or a folder has such a name.
    """
    folder = Path(root) / 'csv_files'
    try:
        if not folder.is_dir():
            raise DataError('no such folder', file=folder)
        files = [
            path for path in folder.iterdir() if path.suffix.lower() == '.csv' and not path.name.startswith(_IGNORED)
        ]
    except (OSError, ValueError) as error:
        raise DataError(f'cannot be read ({error})', file=folder) from error
    for path in files:
        if not path.is_file():
            raise DataError('has the name of a CSV file but is none', file=path)
    if not files:
        raise DataError('no CSV file in this folder', file=folder)
    return sorted(files)


def read_rows(path: Path) -> Iterator[Row]:
    """Read the rows of a CSV file. Empty rows are skipped.

    White space around cells is removed, except for paths, which are copied unchanged to submissions. Columns without a
    name are ignored, and empty cells after the last column, which spreadsheets write.

    Args:
        path: Path of the CSV file.

    Raises:
        DataError: If the file is not CSV in UTF-8, or a column of the header is missing or repeated.
    """
    try:
        with path.open(newline='', encoding='utf-8-sig') as file:
            rows = csv.reader(file, strict=True)
            header = _checked_header(path, rows)
            paths = [(name, place) for place, name in enumerate(header) if name in PATH_COLUMNS]
            for row in rows:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    extra = len(cells) > len(header) and any(cells[len(header) :])
                    fault = f'{len(cells)} cells under {len(header)} columns' if extra else None
                    cells += [''] * (len(header) - len(cells))
                    named = dict(zip(header, cells, strict=False))
                    named.pop('', None)
                    for name, place in paths:
                        if place < len(row):
                            named[name] = row[place]
                    for name in _REPEATED:  # millions of rows share a few texts
                        named[name] = sys.intern(named[name])
                    yield Row(path, rows.line_num, named, fault)
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise _unreadable(path, error) from error


def read_header(path: Path) -> list[str]:
    """Return the names of the columns of a CSV file, '' for a column without a name.

    Args:
        path: Path of the CSV file.

    Raises:
        DataError: As :func:`read_rows`.
    """
    try:
        with path.open(newline='', encoding='utf-8-sig') as file:
            return _checked_header(path, csv.reader(file, strict=True))
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise _unreadable(path, error) from error


def _checked_header(path: Path, rows: Iterator[list[str]]) -> list[str]:
    header = [_without_extra_space(name) for name in next(rows, [])]
    _check_header(path, header)
    return header


def _unreadable(path: Path, error: Exception) -> DataError:
    if isinstance(error, OSError):
        return DataError(f'cannot be read ({error})', file=path)
    return DataError(f'not a CSV file in UTF-8 ({error})', file=path)


def _without_extra_space(text: str) -> str:
    return ' '.join(text.split())


def _check_header(path: Path, header: list[str]) -> None:
    named = [name for name in header if name]
    for name in COMMON_COLUMNS:
        if name not in named:
            hint = '; cells must be separated by commas' if len(header) == 1 else ''
            raise DataError(f'column {name!r} is missing; the columns are {header}{hint}', file=path, row=1)
    if len(set(named)) != len(named):
        raise DataError(f'a column stands twice: {header}', file=path, row=1)
