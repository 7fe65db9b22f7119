"""Reads and checks the CSV files of the FMC-UIA layout.

``<root>/csv_files/*.csv`` have one row per image and task. All cells that a task needs are parsed, and all files that
rows refer to must exist, so that errors are reported before training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.csv_cells import BadRow, Files, point
from aurora_mm.challenge.csv_tables import Row, csv_files_of, read_rows
from aurora_mm.challenge.csv_tasks import agree_on_tasks, described_tasks
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.tasks import Task, TaskTable

_GROUP_COLUMN = 'group'
_SPACING_COLUMN = 'pixel_spacing'


class Record(NamedTuple):
    """A parsed and checked row of a CSV file: an image, a task, and the annotation.

    Args:
        csv_file: Path of the CSV file.
        csv_row: Line in the CSV file. The header is line 1.
        task: Name of the task.
        task_type: Type of the task.
        img_path: Path of the image file.
        image_path: Unchanged text of the column ``image_path``.
        mask_path: Unchanged text of the column ``mask_path``, '' if there is none.
        image: Path of the image relative to the data root.
        group: Value of the group column, or ``image`` if there is none. A split does not divide a group.
        annotation: What :meth:`aurora_mm.annotations.Annotation.parse` returns. Empty without labels.
        pixel_spacing: (height, width) of a pixel in mm, from the column ``pixel_spacing``; None if there is none.
    """

    csv_file: str
    csv_row: int
    task: str
    task_type: str
    img_path: str
    image_path: str
    mask_path: str
    image: str
    group: str
    annotation: dict[str, Any]
    pixel_spacing: tuple[float, float] | None = None


class SkippedRow(NamedTuple):
    """A row that was left out.

    Args:
        task: Text of the column ``task_id``.
        message: The reason, with file and line.
    """

    task: str
    message: str


class FmcIndex(NamedTuple):
    """All rows of a data root.

    Args:
        records: The valid rows.
        tasks: The known tasks and the tasks of the rows.
        skipped: The bad rows, if ``on_error='skip'``.
        repeated: Rows with the same image, task and annotation as an earlier row.
        places: File and line where each task was first found.
    """

    records: list[Record]
    tasks: TaskTable
    skipped: list[SkippedRow]
    repeated: list[SkippedRow]
    places: dict[str, str]


def read_root(
    root: str | Path,
    tasks: TaskTable,
    with_labels: bool = True,
    on_error: str = 'raise',
    group_column: str | None = None,
    images_must_exist: bool = True,
    places: Mapping[str, str] | None = None,
) -> FmcIndex:
    """Read all CSV files in ``<root>/csv_files``, in sorted order.

    Repeated rows, with the same task, image and label as an earlier row, are left out. If an image has different labels
    for one task, all of these rows are bad.

    Args:
        root: Data root, the folder that contains ``csv_files``.
        tasks: Known tasks. Other tasks of the CSV files are added, with numbered names of classes or points.
        with_labels: Whether to read labels. False for unlabelled data.
        on_error: ``'raise'`` raises an error at the first bad row. ``'skip'`` leaves bad rows out and lists them.
            Errors of a whole file or task are raised in both cases.
        group_column: Column such as a patient's id. Images with the same value are never divided between splits. None
            uses the column ``group``, if there is one. If a row has no value, that of another row with the same image
            is used. Without any, the image is its own group.
        images_must_exist: Whether a row is bad if its image file does not exist.
        places: File and line where known tasks were found, for error messages.

    Raises:
        DataError: If the data is not valid. The message names the file, the line and the value.
        ConfigError: If ``on_error`` is unknown, or no file has the ``group_column``.
    """
    if on_error not in ('raise', 'skip'):
        raise ConfigError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
    files = csv_files_of(root)
    rows: list[Row] = [row for path in files for row in read_rows(path)]
    agreed = agree_on_tasks(rows, tasks, places or {})
    reader = _Reader(Path(root), agreed.table, with_labels, group_column, images_must_exist)
    records: list[Record] = []
    problems: list[tuple[Row, str]] = []
    tasks_left, rows_left = agreed.task_of_row[::-1], rows[::-1]
    del rows
    while rows_left:  # freed one by one, so that rows and records are not held in memory together
        row, task = rows_left.pop(), tasks_left.pop()
        try:
            records.append(reader.record(row, task))
        except BadRow as bad:
            if on_error == 'raise':
                raise DataError(str(bad), file=row.file, row=row.line) from bad
            problems.append((row, str(bad)))
    records, repeated, contradicting = _compare_labels(records) if with_labels else (records, [], [])
    if contradicting and on_error == 'raise':
        raise DataError(contradicting[0].message)
    skipped = [SkippedRow(row.cells['task_id'], f'{row.place}: {message}') for row, message in problems]
    skipped += contradicting
    if not records:
        raise DataError(f'no usable row in {len(files)} CSV file(s); {len(skipped)} skipped', file=files[0].parent)
    return FmcIndex(reader.with_known_groups(records), agreed.table, skipped, repeated, agreed.places)


def is_labelled(root: str | Path) -> bool:
    """Return whether any row of a data root has a label.

    A row has a label if a column of its task type is not empty; for masks, if the mask file exists. Unlabelled data may
    have the column ``mask_path`` too, with paths for predicted masks. Rows without a valid task have no label.

    Args:
        root: Data root, the folder that contains ``csv_files``.

    Raises:
        DataError: If there is no CSV file, or one cannot be read.
    """
    files = Files(Path(root))
    for path in csv_files_of(root):
        rows = list(read_rows(path))
        for row, task in zip(rows, described_tasks(rows), strict=True):
            if isinstance(task, Task) and ANNOTATIONS[task.type].is_given(row.cells, task, files):
                return True
    return False


def describe_skipped(skipped: Sequence[SkippedRow], what: str = 'bad rows', examples: int = 10) -> str:
    """Format a message about rows that were left out.

    Args:
        skipped: The rows.
        what: What the rows are, for the message.
        examples: Number of rows that are listed with their messages.

    Returns:
        The number of rows of each task, and the messages of the first rows.
    """
    counts = ', '.join(f'{task} {count}' for task, count in sorted(Counter(row.task for row in skipped).items()))
    lines = [f'{len(skipped)} {what} left out: {counts}', *(row.message for row in skipped[:examples])]
    if len(skipped) > examples:
        lines.append(f'... and {len(skipped) - examples} more')
    return '\n  '.join(lines)


def _compare_labels(records: Iterable[Record]) -> tuple[list[Record], list[SkippedRow], list[SkippedRow]]:
    """Return the rows without repetitions, the repeated rows, and the rows that contradict each other."""
    first_of: dict[tuple[str, str], Record] = {}
    others_of: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        key = (record.task, record.image)
        if first_of.setdefault(key, record) is not record:
            others_of.setdefault(key, []).append(record)
    kept, repeated, contradicting = [], [], []
    for key, first in first_of.items():
        others = others_of.get(key, [])
        differing = [other for other in others if other.annotation != first.annotation]
        if differing:
            message = f'image {first.image_path!r} has another label for task {first.task!r}: {first.annotation} in '
            message += f'{first.csv_file}, row {first.csv_row}, but {differing[0].annotation} here'
            if hint := ANNOTATIONS[first.task_type].repeated_hint:
                message += f'; {hint}'
            place = f'{differing[0].csv_file}, row {differing[0].csv_row}'
            contradicting += [SkippedRow(first.task, f'{place}: {message}')] * (1 + len(others))
            continue
        kept.append(first)
        repeated += [
            SkippedRow(first.task, f'{r.csv_file}, row {r.csv_row}: repeats {first.csv_file}, row {first.csv_row}')
            for r in others
        ]
    return kept, repeated, contradicting


class _Reader:
    """Converts rows to records, and collects the groups of images."""

    def __init__(
        self, root: Path, tasks: TaskTable, with_labels: bool, group_column: str | None, images_must_exist: bool
    ) -> None:
        self._tasks = tasks
        self._files = Files(root)
        self._with_labels = with_labels
        self._group_column = group_column or _GROUP_COLUMN
        self._group_column_is_asked = group_column is not None
        self._images_must_exist = images_must_exist
        self._group_column_met = False
        self._group_of_image: dict[str, str] = {}

    def record(self, row: Row, task: Task | str) -> Record:
        cells = row.cells
        if row.fault is not None:
            raise BadRow(row.fault)
        if isinstance(task, str):
            raise BadRow(task)
        img_path, key = self._files.locate('image_path', cells['image_path'], self._images_must_exist)
        mask_path = cells.get('mask_path', '')
        if self._with_labels:
            for column in ANNOTATIONS[task.type].columns(task):
                if column not in cells:
                    raise DataError(
                        f'column {column!r} is missing; {task.type} task {task.name!r} needs it '
                        f'(with_labels=False does without); the columns are {list(cells)}',
                        file=row.file,
                        row=1,
                    )
                if not cells[column].strip():
                    raise BadRow(f'{column} of {task.name!r} is empty (with_labels=False does without)')
            annotation = ANNOTATIONS[task.type].parse(cells, task, self._files)
        else:
            annotation = {}
            if mask_path.strip():
                self._files.locate('mask_path', mask_path, must_exist=False)
        self._note_group(cells, key)
        return Record(
            csv_file=str(row.file),
            csv_row=row.line,
            task=task.name,
            task_type=task.type,
            img_path=img_path,
            image_path=cells['image_path'],
            mask_path=mask_path,
            image=key,
            group=key,
            annotation=annotation,
            pixel_spacing=_spacing(cells.get(_SPACING_COLUMN, '')),
        )

    def with_known_groups(self, records: list[Record]) -> list[Record]:
        """Return the records with the group that any row has for the image."""
        if not self._group_column_met:
            if not self._group_column_is_asked:
                return records
            raise ConfigError(f'no CSV file has the group column {self._group_column!r}')
        return [record._replace(group=self._group_of_image.get(record.image, record.image)) for record in records]

    def _note_group(self, cells: Mapping[str, str], key: str) -> None:
        if self._group_column not in cells:
            return
        self._group_column_met = True
        value = cells[self._group_column]
        if value and self._group_of_image.setdefault(key, value) != value:
            raise BadRow(
                f'{self._group_column} of {cells["image_path"]!r} is {value!r}, '
                f'but {self._group_of_image[key]!r} in another row'
            )


def _spacing(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    height, width = point(_SPACING_COLUMN, text)
    if min(height, width) <= 0:
        raise BadRow(f'{_SPACING_COLUMN} {text!r} is not the height and width of a pixel in mm')
    return height, width
