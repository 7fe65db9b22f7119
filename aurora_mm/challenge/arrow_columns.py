"""Reads CSV files as columns of text.

Arrow reads most files, a hundred times faster than Python's ``csv``. A file is left to ``csv`` (by
:func:`aurora_mm.challenge.csv_tables.read_rows`) if the two could read it differently, or if it has an error, which is
then reported as for a single row.
"""

from __future__ import annotations

import csv
import mmap
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from aurora_mm.challenge.csv_tables import PATH_COLUMNS, Row, read_header, read_rows
from aurora_mm.challenge.quoted_cells import are_quotes_plain

if TYPE_CHECKING:
    import pyarrow as pa

_PART = 1 << 24
_SLOW_ROWS = 1 << 14
# Control characters, but for the end of a line. Python and Arrow differ in some of them.
_USUAL = bytes({*range(32, 127), *range(128, 256), 10, 13})


class CsvColumns(NamedTuple):
    """The rows of a CSV file, column by column. Empty rows are left out.

    Args:
        file: Path of the CSV file.
        columns: Text of each column, in the order of the header; ``pyarrow.LargeStringArray`` of N texts.
        lines: (N,) int32, the line at which each row ends. The header is line 1.
        faults: Error messages about whole rows, by index.
        is_plain: Whether no text has a control character.
    """

    file: Path
    columns: dict[str, pa.LargeStringArray]
    lines: np.ndarray
    faults: dict[int, str]
    is_plain: bool

    def row(self, index: int) -> Row:
        """Return one row."""
        cells = {name: texts[index].as_py() for name, texts in self.columns.items()}
        return Row(self.file, int(self.lines[index]), cells, self.faults.get(index))


def read_columns(path: Path) -> CsvColumns:
    """Read a CSV file. White space and columns without a name are treated as by ``read_rows``.

    Args:
        path: Path of the CSV file.

    Raises:
        DataError: If the file is not CSV in UTF-8, or a column of the header is missing or repeated.
    """
    found = _read_by_arrow(path)
    return _read_by_csv(path) if found is None else found


def _read_by_arrow(path: Path) -> CsvColumns | None:
    """Return the columns, or None if Python's ``csv`` must read the file."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv as arrow_csv

    facts = _facts_of(path)
    if facts is None:
        return None
    header = read_header(path)
    texts = pa.large_string()
    names = [str(place) for place in range(len(header))]
    try:
        table = arrow_csv.read_csv(
            path,
            arrow_csv.ReadOptions(column_names=names, skip_rows=1, block_size=1 << 22, use_threads=False),
            arrow_csv.ParseOptions(ignore_empty_lines=False),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, texts)),
        )
    except pa.ArrowInvalid:
        return None
    if len(table) != facts.lines - 1 or not len(table):
        return None
    columns = {}
    for place, name in enumerate(header):
        column = table.column(place)
        if pc.max(pc.binary_length(column)).as_py() > csv.field_size_limit():
            return None
        if name:
            column = column if facts.is_tight or name in PATH_COLUMNS else pc.utf8_trim_whitespace(column)
            columns[name] = column.combine_chunks()
        elif pc.any(pc.not_equal(column, '')).as_py():
            return None  # whether a row is empty depends on columns without a name too
    del table
    lines = np.arange(2, 2 + facts.lines - 1, dtype=np.int32)
    suspects = np.flatnonzero(pc.equal(columns['task_id'], ''))
    empty = [i for i in suspects.tolist() if not any(texts[i].as_py().strip() for texts in columns.values())]
    if empty:
        kept = np.ones(len(lines), bool)
        kept[empty] = False
        columns = {name: texts.filter(pa.array(kept)) for name, texts in columns.items()}
        lines = lines[kept]
    return CsvColumns(path, columns, lines, {}, is_plain=True)


class _Facts(NamedTuple):
    lines: int
    is_tight: bool  # whether no cell has white space around it


def _facts_of(path: Path) -> _Facts | None:
    """Count the lines of a file, or return None if Python and Arrow could read it differently."""
    lines, last, is_tight = 0, b'', True
    try:
        for part in _parts(path):
            if part.translate(None, _USUAL) or part.count(b'\r') != part.count(b'\r\n'):
                return None
            if b'"' in part and not are_quotes_plain(part):
                return None
            lines += part.count(b'\n')
            last = part[-1:]
            is_tight = is_tight and b' ' not in part and part.isascii()
    except (OSError, ValueError):  # ValueError: an empty file has no memory map
        return None
    return _Facts(lines + (last != b'\n'), is_tight)


def _parts(path: Path) -> Iterator[bytes]:
    """Yield a file in parts of whole lines."""
    with path.open('rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = 0
        while start < len(data):
            end = data.find(b'\n', start + _PART) + 1 or len(data)
            yield data[start:end]
            start = end


def _read_by_csv(path: Path) -> CsvColumns:
    import pyarrow as pa

    rows = read_rows(path)
    names = [name for name in read_header(path) if name]
    parts: dict[str, list[pa.LargeStringArray]] = {name: [] for name in names}
    lines: list[int] = []
    faults: dict[int, str] = {}
    while chunk := list(islice(rows, _SLOW_ROWS)):
        faults.update({len(lines) + place: row.fault for place, row in enumerate(chunk) if row.fault is not None})
        lines += [row.line for row in chunk]
        for name in names:
            parts[name].append(pa.array([row.cells[name] for row in chunk], pa.large_string()))
    columns = {
        name: pa.concat_arrays(arrays) if arrays else pa.array([], pa.large_string()) for name, arrays in parts.items()
    }
    return CsvColumns(path, columns, np.array(lines, np.int32), faults, is_plain=False)
