"""Columns of CSV files that are not read, though their names say that they are meant to be."""

from __future__ import annotations

from pathlib import Path

from aurora_mm.challenge.csv_tables import csv_files_of, read_header
from aurora_mm.column_names import GROUP_COLUMN, GROUP_COLUMNS, folded_header
from aurora_mm.images.pixel_spacing import SPACING_COLUMN

_SPACING_WORDS = ('spacing', 'pixelsize', 'mmperpixel')


def unread_columns(root: str | Path, group_column: str | None = None) -> list[str]:
    """Return a message for each column of a data root that looks like the patient or the pixel spacing and is not read.

    Args:
        root: Data root, the folder that contains ``csv_files``.
        group_column: The column of groups that is read. None for the column ``group``.

    Raises:
        DataError: If a CSV file cannot be read.
    """
    files_of: dict[tuple[str, str], list[Path]] = {}
    for file in csv_files_of(root):
        header = [name for name in read_header(file) if name]
        for column in header:
            folded = folded_header(column)
            if folded in GROUP_COLUMNS and (group_column or GROUP_COLUMN) not in header:
                why = f'so a split may divide its images: rename it to {GROUP_COLUMN!r}, or name it as the group column'
            elif any(word in folded for word in _SPACING_WORDS) and SPACING_COLUMN not in header:
                why = f'but {SPACING_COLUMN!r} is, [height, width] of a pixel in mm'
            else:
                continue
            files_of.setdefault((column, why), []).append(file)
    return [
        f'{files[0]}{f" and {len(files) - 1} more files" if len(files) > 1 else ""}, row 1: column {column!r} is not '
        f'read, {why}'
        for (column, why), files in files_of.items()
    ]
