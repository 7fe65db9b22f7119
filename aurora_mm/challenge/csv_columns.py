"""Further columns of the CSV files, such as the centre or the scanner of an image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from aurora_mm.challenge.csv_tables import csv_files_of, read_rows
from aurora_mm.errors import ConfigError


def column_values(root: str | Path, columns: Iterable[str]) -> dict[str, dict[tuple[str, str], str]]:
    """Read columns of the CSV files of a data root.

    Args:
        root: Data root, the folder that contains ``csv_files``.
        columns: Names of columns; each must be in one of the files.

    Returns:
        For each column, the value by ``task_id`` and ``image_path``. Where a row has none, that of another row with the
        same image is taken, or else ``''``.

    Raises:
        ConfigError: If no file has a column. The message lists the columns that there are.
        DataError: If a file cannot be read.
    """
    rows = [row.cells for file in csv_files_of(root) for row in read_rows(file)]
    known = dict.fromkeys(name for cells in rows for name in cells)
    found = {}
    for column in columns:
        if column not in known:
            raise ConfigError(f'no CSV file of {root} has a column {column!r}; there are {", ".join(known)}')
        of_image = {cells['image_path']: cells[column] for cells in rows if cells.get(column)}
        found[column] = {
            (cells['task_id'], cells['image_path']): cells.get(column) or of_image.get(cells['image_path'], '')
            for cells in rows
        }
    return found
