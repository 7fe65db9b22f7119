"""Reading and writing of ``per_image.csv``, the results of each image from which scores, intervals and reports follow.

The file has a row for each task, metric, image and target (:class:`ResultRow`). Cells that do not apply are empty. The
first columns are the same for every row; those of the metrics follow:

=============  =======================================================================================================
column         what
=============  =======================================================================================================
task           name of the task
metric         registered name of the metric that measured, after its prefix and ``/`` if it has one
target         name of the foreground class or the point; in classification the true class, in detection the box's
img_id         position in the scored data set: with ``task`` and ``metric`` it marks the rows of one image
image_path     the CSV's own text; with ``task`` the key of the submission's JSON lists
mask_path      the CSV's own text (segmentation): the true mask is ``csv_files/<mask_path>`` under the data root, the
               predicted one ``<mask_path without ../>`` under the submission folder
img_path       file of the image
group          patient or other group, where the data set has a group column
height, width  of the original image, in pixels
size           share of the image's area in the true class or box, in [0, 1]
DSC, NSD       fractions (segmentation)
HD, HD95       pixels of the original image (segmentation)
HD_mm, HD95_mm mm, where the pixel spacing is known; there is no such column if it is of no image (segmentation)
NSD_mm         fraction, where HD_mm is and the metric has a tolerance in mm (segmentation)
IoU            fraction (detection)
error          distance of the point in pixels of the original image (landmark)
error_mm       the same in mm, as HD_mm (landmark)
truth, pred    JSON: class index (classification), ``[x1, y1, x2, y2]`` (detection; ``pred`` is empty where no box was
               predicted) or ``[x, y]`` (landmark), in pixels of the original image
probs          JSON: the probability of each class (classification)
=============  =======================================================================================================

Numbers are written so that reading returns exactly the same numbers.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation.metrics import ResultRow, TaskMetric, metric_of_row, rows_by_image
from aurora_mm.files import write_text
from aurora_mm.tasks import TaskTable

_Row = TypeVar('_Row')

_COMMON = tuple(field.name for field in fields(ResultRow) if field.name != 'values')
_NUMBERS = ('img_id', 'height', 'width')  # the other common columns hold text
_MOST = 2**31  # largest number of images in a data set, or of pixels on a side


def write_per_image(path: str | Path, rows: Sequence[ResultRow]) -> None:
    """Write the table, whole or not at all.

    Args:
        path: Path of the file.
        rows: The rows, in the order of the file.
    """
    write_text(path, per_image_text(rows))


def per_image_text(rows: Sequence[ResultRow]) -> str:
    """Format the table as the text of a CSV file."""
    known = {name for row in rows for name in row.values}  # an optional column that no row has is left out
    metrics = dict.fromkeys(row.metric for row in rows)
    names = [name for name in dict.fromkeys(name for metric in metrics for name in _names(metric)) if name in known]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator='\n')
    writer.writerow([*_COMMON, *names])
    for row in rows:
        writer.writerow([getattr(row, name) for name in _COMMON] + [_cell(row.values.get(name)) for name in names])
    return buffer.getvalue()


def read_per_image(path: str | Path, tasks: TaskTable | None = None) -> list[ResultRow]:
    """Read the rows that :func:`write_per_image` wrote.

    Args:
        path: Path of the file.
        tasks: All tasks that the rows may have; the metric of each image then checks its rows
            (:meth:`TaskMetric.check`). None checks nothing.

    Raises:
        DataError: If the file is missing or not such a table. The message gives the row of a bad cell.
    """
    rows = []
    places: dict[tuple[str, str, int], int] = {}  # line of the first row of each image
    for line, row in _read(path, _row):
        rows.append(row)
        places.setdefault((row.task, row.metric, row.img_id), line)
    if tasks is not None:
        for (task, metric), images in rows_by_image(rows).items():
            for image in images:
                try:
                    _check(image, tasks)
                except ValueError as error:
                    line = places[task, metric, image[0].img_id]
                    raise DataError(f'not a row of a table of results: {error}', file=path, row=line) from error
    return rows


def read_scored_images(path: str | Path) -> set[tuple[str, str]]:
    """Read which images were scored, as ``(task, img_path)``, of any metric, also of one that is not registered.

    Raises:
        DataError: If the file is missing or not a table of :func:`write_per_image`.
    """
    return {image for _, image in _read(path, lambda cells: (cells['task'], cells['img_path']))}


def _read(path: str | Path, parse: Callable[[dict[str, str]], _Row]) -> Iterator[tuple[int, _Row]]:
    """Yield the number of the line, and what ``parse`` makes of its cells, for each row of a table."""
    try:
        text = Path(path).read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else 'it is not in UTF-8'
        raise DataError(f'no table of results: {reason}', file=path) from error
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        columns = tuple(reader.fieldnames or ())
        if columns[: len(_COMMON)] != _COMMON or len({*columns}) != len(columns):
            raise DataError(f'not a table of results: its columns are {list(columns)}, not {list(_COMMON)}', file=path)
        for cells in reader:
            if None in cells or None in cells.values():
                raise ValueError('it has another number of cells than the first row')
            yield reader.line_num, parse(cells)
    except (ValueError, RecursionError, ConfigError, csv.Error) as error:
        raise DataError(f'not a row of a table of results: {error}', file=path, row=reader.line_num) from error


def _row(cells: dict[str, str]) -> ResultRow:
    common: dict[str, Any] = {name: _count(name, cells[name]) if name in _NUMBERS else cells[name] for name in _COMMON}
    _, metric = metric_of_row(common['metric'])
    values = {name: json.loads(cells[name]) if cells.get(name) else None for name in _names(common['metric'])}
    for column in metric.row_columns:
        if column.optional and values[column.name] is None:
            del values[column.name]
    missing = [name for name, value in values.items() if value is None and name not in metric.may_be_empty]
    if missing:
        raise ValueError(f'a row of {metric.__name__} without {", ".join(missing)}')
    return ResultRow(**common, values=values)


def _count(name: str, cell: str) -> int:
    value = json.loads(cell)
    least = 0 if name == 'img_id' else 1  # height and width
    if type(value) is not int or not least <= value <= _MOST:
        raise ValueError(f'{name} is {cell[:50]}, which is no such number')
    return value


def _check(image: Sequence[ResultRow], tasks: TaskTable) -> None:
    """Check the rows of an image against its task."""
    first = image[0]
    if first.task not in tasks:
        raise ValueError(f'task {first.task!r} is none of those that were scored: {", ".join(tasks)}')
    task = tasks[first.task]
    metric = metric_of_row(first.metric)[1]
    if metric.task_type != task.type:
        raise ValueError(f'{metric.__name__} does not measure tasks of type {task.type!r}, such as {task.name!r}')
    of_image = {(row.image_path, row.mask_path, row.img_path, row.group, row.height, row.width) for row in image}
    if len(of_image) > 1:
        raise ValueError(f'rows of img_id {first.img_id} are of several images')
    metric.check(image, task.target_names)


def _names(metric: str) -> list[str]:
    """Return the names of the values in a metric's rows."""
    found: type[TaskMetric] = metric_of_row(metric)[1]
    return [*(column.name for column in found.row_columns), *found.row_data]


def _cell(value: Any) -> str:
    return '' if value is None else json.dumps(value)
