"""Tables of labels as spreadsheets save them: CSV with commas, semicolons or tabs, and Excel workbooks."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.extras import require_extra
from aurora_mm.plain_numbers import plain_number

TABLE_SUFFIXES = ('.csv', '.tsv', '.xlsx')
_SEPARATORS = ',;\t'
_BLANK = ('', 'na', 'n/a', '#n/a', 'nan', 'null')  # in small letters
_UTF_16 = (b'\xff\xfe', b'\xfe\xff')  # first bytes of such a file
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?', re.IGNORECASE)  # by which Excel is told the separator
_DECIMAL_COMMA = re.compile(r'[+-]?\d+,\d+')


@dataclass(frozen=True)
class TableRow:
    """A row of a table.

    Args:
        file: The table.
        line: Its line in the file, where the header is line 1.
        cells: Text of each cell without spaces around it, by the name of its column; '' where a cell is blank.
        has_decimal_comma: Whether numbers may be written with a comma, as where semicolons separate cells.
    """

    file: Path
    line: int
    cells: dict[str, str]
    has_decimal_comma: bool = False

    def is_blank(self, columns: Iterable[str]) -> bool:
        """Return whether the cells of all these columns are blank."""
        return not any(self.cells[column] for column in columns)

    def number(self, column: str) -> float:
        """Return a finite number.

        Raises:
            DataError: If the cell holds none.
        """
        text = self.cells[column]
        if self.has_decimal_comma and _DECIMAL_COMMA.fullmatch(text):
            text = text.replace(',', '.')
        try:
            return plain_number(text)
        except ValueError as error:
            raise self.fault(f'{self.cells[column]!r} in column {column!r} is no number') from error

    def fault(self, message: str) -> DataError:
        """Return an error that names the file and the row."""
        return DataError(message, file=self.file, row=self.line)


class TableFile:
    """A table with a header, read whole.

    CSV files are UTF-8, or UTF-16 with a byte order mark. A first line ``sep=;`` says what separates cells, or else it
    is what is most frequent in the header: commas, semicolons or tabs. Of an Excel workbook there must be one sheet
    with cells. Rows without any text are left out. ``NA``, ``N/A``, ``NaN`` and ``null`` in any case of letters count
    as blank.

    Args:
        file: Its path; the suffix is one of :data:`TABLE_SUFFIXES`.

    Raises:
        DataError: If it cannot be read, a column stands twice, or a row has more cells than the header.
        ConfigError: If it is an Excel workbook and openpyxl is not installed.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        lines, separator = _excel_lines(file) if file.suffix.lower() == '.xlsx' else _csv_lines(file)
        header = lines[0][1] if lines else []
        named = [name for name in header if name]
        if not named:
            raise DataError('has no header: the first row must name the columns', file=file, row=1)
        if twice := [name for name in named if named.count(name) > 1]:
            raise DataError(f'column {twice[0]!r} stands twice', file=file, row=1)
        self.columns = tuple(named)
        self.rows = [
            TableRow(file, line, _named(header, cells, file, line), separator == ';')
            for line, cells in lines[1:]
            if any(cells)
        ]
        if not self.rows:
            raise DataError('has a header and no rows', file=file)

    def require(self, columns: Iterable[str], place: str | Path) -> None:
        """Check that there are these columns.

        Args:
            columns: Their names.
            place: What names them, for the error message.

        Raises:
            ConfigError: If one is missing.
        """
        for column in columns:
            if column not in self.columns:
                raise ConfigError(f'{place}: {self.file} has no column {column!r}, only {", ".join(self.columns)}')


def _named(header: list[str], cells: list[str], file: Path, line: int) -> dict[str, str]:
    if any(cells[len(header) :]):
        raise DataError(f'{len(cells)} cells under {len(header)} columns', file=file, row=line)
    cells = cells + [''] * (len(header) - len(cells))
    return {name: '' if cell.lower() in _BLANK else cell for name, cell in zip(header, cells, strict=False) if name}


def _csv_lines(file: Path) -> tuple[list[tuple[int, list[str]]], str]:
    """Return the lines with their numbers, and the separator of cells."""
    try:
        with file.open('rb') as stream:
            encoding = 'utf-16' if stream.read(2) in _UTF_16 else 'utf-8-sig'
        with file.open(newline='', encoding=encoding) as stream:
            first = stream.readline()
            if named := _SEPARATOR_LINE.fullmatch(first.strip()):
                separator, skipped = named[1], 1
            else:
                separator, skipped = max(_SEPARATORS, key=first.count), 0
                stream.seek(0)
            lines = _numbered(csv.reader(stream, delimiter=separator, strict=True))
            return [(number + skipped, cells) for number, cells in lines], separator
    except UnicodeError as error:
        raise DataError(f'is not in UTF-8 ({error}); save it as "CSV UTF-8"', file=file) from error
    except (csv.Error, OSError) as error:
        raise DataError(f'cannot be read as CSV ({error})', file=file) from error


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    for cells in reader:
        yield reader.line_num, [cell.strip() for cell in cells]


def _excel_lines(file: Path) -> tuple[list[tuple[int, list[str]]], str]:
    """As :func:`_csv_lines`; there is no separator."""
    require_extra('excel', f'the workbook {file}', 'openpyxl')
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
        try:
            sheets = {
                sheet.title: [(n, [_text(value) for value in row]) for n, row in enumerate(sheet.values, 1)]
                for sheet in workbook.worksheets
            }
        finally:
            workbook.close()
    except (InvalidFileException, BadZipFile, KeyError, ValueError, OSError) as error:
        raise DataError(f'cannot be read as an Excel workbook ({error})', file=file) from error
    filled = {title: lines for title, lines in sheets.items() if any(any(cells) for _, cells in lines)}
    if len(filled) != 1:
        raise DataError(f'has {len(filled)} sheets with cells, not one ({", ".join(filled)})', file=file)
    return next(iter(filled.values())), ''


def _text(value: Any) -> str:
    if value is None:
        return ''
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # Excel keeps 7 as 7.0
    return str(value).strip()
