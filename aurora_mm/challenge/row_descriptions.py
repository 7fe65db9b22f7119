"""What the rows of a CSV file say about their tasks."""

from __future__ import annotations

import numpy as np

from aurora_mm.challenge.arrow_columns import CsvColumns
from aurora_mm.challenge.column_checks import encode_together, first_rows
from aurora_mm.challenge.csv_tasks import Description


def describe_rows(table: CsvColumns) -> tuple[np.ndarray, list[Description]]:
    """Find the descriptions of tasks in a CSV file.

    Args:
        table: The rows.

    Returns:
        (N,) int32, the description of each row, -1 for a row with a fault; and the descriptions, in the order of their
        first rows.
    """
    names = ('task_id', 'task_name', 'num_classes')
    code, _ = encode_together([table.columns[name] for name in names], len(table.lines))
    if table.faults:
        code = code.copy()
        code[list(table.faults)] = -1
    numbers, first, counts = _first_and_counts(code)
    descriptions = [
        Description(tuple(table.columns[name][row].as_py() for name in names), count, table.file, int(table.lines[row]))
        for row, count in zip(first, counts, strict=True)
    ]
    renumbered = np.full(int(code.max(initial=-1)) + 2, -1, np.int32)  # the last one is of -1
    renumbered[numbers] = np.arange(len(numbers))
    return renumbered[code], descriptions


def _first_and_counts(code: np.ndarray) -> tuple[list[int], list[int], list[int]]:
    """Return the codes that are not negative by their first rows, their first rows, and how often they occur."""
    rows = np.flatnonzero(code >= 0)
    counts = np.bincount(code[rows])
    first = first_rows(code[rows], len(counts))
    numbers = [number for number in np.argsort(first).tolist() if counts[number]]
    return numbers, rows[first[numbers]].tolist(), counts[numbers].tolist()
