"""What is known of each scored image: the one table behind scores, intervals, breakdowns and reports.

``per_image.csv`` has a row for each image and *target*: a foreground class (segmentation), the label
(classification), the box (detection) or a point (landmark). A cell that does not apply is empty.

=============  =====================================================================================================
column         what
=============  =====================================================================================================
task, type     name and type of the task
target         name of the foreground class or the point; the true class in classification; the box's class
img_id         position in the scored data set: with ``task`` it marks the rows of one image
image_path     the CSV's own text; with ``task_id`` the key of the submission's JSON lists
mask_path      the CSV's own text (segmentation): the true mask is ``csv_files/<mask_path>`` under the data root, the
               predicted one ``<mask_path without ../>`` under the submission folder
img_path       file of the image
group          patient or other group, where the data set has a group column
height, width  of the original image, in pixels
size           share of the image's area in the true class or box, in [0, 1]
DSC, NSD       fractions (segmentation)
HD, HD95       pixels of the original image (segmentation)
IoU            fraction (detection)
error          distance of the point in pixels (landmark)
truth, pred    JSON: class index (classification), ``[x1, y1, x2, y2]`` (detection; ``pred`` is empty where no box was
               predicted) or ``[x, y]`` (landmark), in pixels of the original image
probs          JSON: the probability of each class (classification)
=============  =====================================================================================================

Numbers are written so that reading gives the same ones back.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from aurora_mm.errors import DataError
from aurora_mm.files import write_text


@dataclass(frozen=True, slots=True)
class TargetResult:
    """One row: how one target of one image was predicted; see the module for the columns."""

    task: str
    type: str
    target: str
    img_id: int
    image_path: str
    mask_path: str
    img_path: str
    group: str
    height: int
    width: int
    size: float | None = None
    DSC: float | None = None
    HD: float | None = None
    HD95: float | None = None
    NSD: float | None = None
    IoU: float | None = None
    error: float | None = None
    truth: int | list[float] | None = None
    pred: int | list[float] | None = None
    probs: list[float] | None = None


COLUMNS = tuple(field.name for field in fields(TargetResult))
_FIGURES = {
    'segmentation': ('DSC', 'HD', 'HD95', 'NSD', 'size'),
    'classification': ('truth', 'pred', 'probs'),
    'detection': ('IoU', 'truth', 'size'),
    'landmark': ('error', 'truth', 'pred'),
}  # that a row of each type has
_TEXT = ('task', 'type', 'target', 'image_path', 'mask_path', 'img_path', 'group')


def write_per_image(path: str | Path, rows: Iterable[TargetResult]) -> None:
    """Writes the table, whole or not at all."""
    write_text(path, per_image_text(rows))


def per_image_text(rows: Iterable[TargetResult]) -> str:
    """The table as the text of a CSV file."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator='\n')
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(getattr(row, column)) for column in COLUMNS])
    return buffer.getvalue()


def read_per_image(path: str | Path) -> list[TargetResult]:
    """The rows that :func:`write_per_image` wrote.

    Raises:
        DataError: If the file is missing or not such a table; a bad cell is named with its row.
    """
    try:
        text = Path(path).read_text(encoding='utf-8')
    except OSError as error:
        raise DataError(f'no table of results: {error.strerror}', file=path) from error
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise DataError(f'not a table of results: its columns are {reader.fieldnames}, not {list(COLUMNS)}', file=path)
    return [_row(cells, path, reader.line_num) for cells in reader]


def rows_by_image(rows: Iterable[TargetResult]) -> dict[str, list[list[TargetResult]]]:
    """For each task the rows of each image, in the order of the table."""
    images: dict[str, dict[int, list[TargetResult]]] = {}
    for row in rows:
        images.setdefault(row.task, {}).setdefault(row.img_id, []).append(row)
    return {task: list(of_task.values()) for task, of_task in images.items()}


def _row(cells: dict[str, str], path: str | Path, line: int) -> TargetResult:
    try:
        row = TargetResult(**{column: _value(column, cell) for column, cell in cells.items()})
    except (ValueError, TypeError) as error:  # a cell that is no JSON, or too few or too many cells
        raise DataError(f'not a row of a table of results: {error}', file=path, row=line) from error
    if row.type not in _FIGURES:
        raise DataError(f'type {row.type!r} is none of {", ".join(_FIGURES)}', file=path, row=line)
    missing = [column for column in _FIGURES[row.type] if getattr(row, column) is None]
    if missing:
        raise DataError(f'a row of type {row.type!r} without {", ".join(missing)}', file=path, row=line)
    return row


def _cell(value: Any) -> str:
    if value is None:
        return ''
    return value if isinstance(value, str) else json.dumps(value)


def _value(column: str, cell: str) -> Any:
    if column in _TEXT:
        return cell
    return json.loads(cell) if cell else None
