"""The column ``pixel_spacing`` of the CSV files: the size of the pixels of an image in mm."""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np

from aurora_mm.challenge.arrow_columns import CsvColumns
from aurora_mm.challenge.column_checks import encode
from aurora_mm.challenge.csv_cells import BadRow, numbers
from aurora_mm.images.pixel_spacing import SPACING_COLUMN, is_spacing


class ParsedSpacings(NamedTuple):
    """The spacings of the rows of a CSV file.

    Args:
        is_sure: (N,) bool, whether the cell is empty or correct.
        code: (N,) int32, index in ``texts``, -1 for an empty cell.
        texts: Each different spacing as JSON.
    """

    is_sure: np.ndarray
    code: np.ndarray
    texts: list[str]


def parse_spacing_cell(text: str) -> tuple[float, float] | None:
    """Parse a cell of the column.

    Args:
        text: Text of the cell.

    Returns:
        (height, width) of a pixel in mm; None if the cell is empty.

    Raises:
        BadRow: If the text is not a JSON list of two positive finite numbers.
    """
    if not text.strip():
        return None
    sides = numbers(SPACING_COLUMN, text)
    if not is_spacing(sides):
        raise BadRow(
            f'{SPACING_COLUMN} {text[:100]!r} is not "[height, width]" of a pixel in mm, two positive finite numbers'
        )
    return float(sides[0]), float(sides[1])


def parse_spacings(table: CsvColumns) -> ParsedSpacings:
    """Parse the spacings of a CSV file, each different text once.

    Args:
        table: The rows. Without the column, no spacing is known, and no memory is needed for that.
    """
    count = len(table.lines)
    if SPACING_COLUMN not in table.columns:
        return ParsedSpacings(np.broadcast_to(True, count), np.broadcast_to(np.int32(-1), count), [])
    of_row, different = encode(table.columns[SPACING_COLUMN])
    places: dict[str, int] = {}
    code, is_good = np.full(len(different), -1, np.int32), np.ones(len(different), bool)
    for number, text in enumerate(different.to_pylist()):
        try:
            spacing = parse_spacing_cell(text)
        except BadRow:
            is_good[number] = False
        else:
            if spacing is not None:
                code[number] = places.setdefault(json.dumps(spacing), len(places))
    return ParsedSpacings(is_good[of_row], code[of_row], list(places))
