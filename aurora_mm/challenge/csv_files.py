"""The CSV files of the FMC-UIA layout, read into checked rows.

``<root>/csv_files/*.csv`` hold one row for each image and task. Every cell that a task needs is parsed here and every
file that a row names is looked for, so that a bad row is reported by file, line and value before anything is trained.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from aurora_mm.challenge.csv_cells import BOX_COLUMNS, BadRow, Files, integer, needed_columns, parse_annotation
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.tasks import Task, TaskTable

_COMMON_COLUMNS = ('task_id', 'task_name', 'num_classes', 'image_path')
_LABEL_COLUMNS = ('mask_path', 'mask', *BOX_COLUMNS, 'point_1_xy')


@dataclass(frozen=True, slots=True)
class Record:
    """One row: an image and what is asked, and known, of it.

    Args:
        csv_file: Path of the CSV file. csv_row: Line in it, the header being line 1.
        task: Name of the task. task_type: Its type.
        img_path: Path of the image. image_path, mask_path: The CSV's own text ('' where it has none).
        group: What must stay on one side of a split: the value of the group column, or the image's path under the root.
        annotation: ``seg_map_path`` (str) | ``gt_label`` (int) | ``bbox`` ([x1, y1, x2, y2]) | ``points``
            ([[x, y], ...]), in pixels of the original image; empty without labels.
    """

    csv_file: str
    csv_row: int
    task: str
    task_type: str
    img_path: str
    image_path: str
    mask_path: str
    group: str
    annotation: dict[str, Any]


class SkippedRow(NamedTuple):
    """A row that was left out, and why (the message names file and line)."""

    task: str
    message: str


class FmcIndex(NamedTuple):
    """All rows of a root, the table of their tasks, and the rows that were left out."""

    records: list[Record]
    tasks: TaskTable
    skipped: list[SkippedRow]


def read_root(
    root: str | Path,
    tasks: TaskTable,
    with_labels: bool = True,
    on_error: str = 'raise',
    group_column: str | None = None,
    images_must_exist: bool = True,
) -> FmcIndex:
    """Read every ``csv_files/*.csv`` under ``root``, in sorted order.

    Args:
        root: The folder that holds ``csv_files``.
        tasks: Known tasks. One that only a CSV knows is added, its classes or points numbered.
        with_labels: Whether to read labels; False for the unlabelled test layout.
        on_error: ``'raise'`` at the first bad row, or ``'skip'`` to leave bad rows out and list them. What is wrong
            with a file or a task as a whole raises in either case.
        group_column: Column whose value (a patient, say) keeps images together in a split. A file may lack it or a
            cell be empty; then the value that another row gives for the same image counts, else the image alone.
        images_must_exist: Whether a row without its image file is a bad one.

    Raises:
        DataError: Naming file, line and value of what is wrong.
        ConfigError: If ``on_error`` is neither of the two, or no file has the ``group_column``.
    """
    if on_error not in ('raise', 'skip'):
        raise ConfigError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
    folder = Path(root) / 'csv_files'
    files = sorted(folder.glob('*.csv'))
    if not files:
        raise DataError('no CSV file in this folder' if folder.is_dir() else 'no such folder', file=folder)
    reader = _Reader(Path(root), tasks, with_labels, group_column, images_must_exist)
    records: list[Record] = []
    skipped: list[SkippedRow] = []
    for path in files:
        for line, cells in _read_cells(path, with_labels):
            try:
                records.append(reader.record(path, line, cells))
            except BadRow as bad:
                error = DataError(str(bad), file=path, row=line)
                if on_error == 'raise':
                    raise error from bad
                skipped.append(SkippedRow(cells['task_id'], str(error)))
    if not records:
        raise DataError(f'no usable row in {len(files)} CSV file(s); {len(skipped)} skipped', file=folder)
    return FmcIndex(reader.with_known_groups(records), reader.tasks, skipped)


def is_labelled(root: str | Path) -> bool:
    """Whether any row under ``root`` has a label: a cell of its own type's columns, or for masks the file itself.

    The unlabelled test layout may have ``mask_path``, which says where predictions go.

    Raises:
        DataError: If there is no CSV file, or one that cannot be read.
    """
    folder = Path(root) / 'csv_files'
    files = sorted(folder.glob('*.csv'))
    if not files:
        raise DataError('no CSV file in this folder' if folder.is_dir() else 'no such folder', file=folder)
    for path in files:
        for _, cells in _read_cells(path, with_labels=False):
            mask_path = cells.get('mask_path', '').strip()
            if mask_path and (folder / mask_path).is_file():
                return True
            if any(cells.get(column, '').strip() for column in _LABEL_COLUMNS if column != 'mask_path'):
                return True
    return False


def describe_skipped(skipped: Sequence[SkippedRow], examples: int = 10) -> str:
    """How many rows of each task were left out, and the first ``examples`` messages."""
    counts = ', '.join(f'{task} {count}' for task, count in sorted(Counter(row.task for row in skipped).items()))
    lines = [f'{len(skipped)} bad rows left out: {counts}', *(row.message for row in skipped[:examples])]
    if len(skipped) > examples:
        lines.append(f'... and {len(skipped) - examples} more')
    return '\n  '.join(lines)


def _read_cells(path: Path, with_labels: bool) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cells by column) of each row of a file, once its header is found to be right."""
    try:
        with path.open(newline='', encoding='utf-8-sig') as file:
            rows = csv.reader(file, strict=True)
            header = [name.strip() for name in next(rows, [])]
            _check_header(path, header, with_labels)
            for row in rows:
                if len(row) > len(header):
                    raise DataError(f'{len(row)} cells under {len(header)} columns', file=path, row=rows.line_num)
                if row:
                    yield rows.line_num, dict(zip(header, row + [''] * (len(header) - len(row)), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f'not a CSV file in UTF-8 ({error})', file=path) from error


def _check_header(path: Path, header: list[str], with_labels: bool) -> None:
    for name in _COMMON_COLUMNS:
        if name not in header:
            raise DataError(f'column {name!r} is missing; the columns are {header}', file=path, row=1)
    if len(set(header)) != len(header):
        raise DataError(f'a column stands twice: {header}', file=path, row=1)
    if with_labels and not set(_LABEL_COLUMNS) & set(header):
        raise DataError(
            f'no label column ({", ".join(_LABEL_COLUMNS)}, ...) among {header}; '
            'read the unlabelled test layout by with_labels=False',
            file=path,
            row=1,
        )


class _Reader:
    """Turns cells into records, and remembers the tasks, folders and groups met on the way."""

    def __init__(
        self, root: Path, tasks: TaskTable, with_labels: bool, group_column: str | None, images_must_exist: bool
    ) -> None:
        self.tasks = tasks
        self._files = Files(root)
        self._with_labels = with_labels
        self._group_column = group_column
        self._images_must_exist = images_must_exist
        self._group_column_met = False
        self._group_of_image: dict[str, str] = {}
        self._known: dict[tuple[str, str, str], Task] = {}
        self._first_met: dict[str, tuple[str, Task]] = {}

    def record(self, path: Path, line: int, cells: Mapping[str, str]) -> Record:
        task = self._task(path, line, cells)
        img_path, key = self._files.locate('image_path', cells['image_path'], self._images_must_exist)
        mask_path = cells.get('mask_path', '')
        if self._with_labels:
            for column in needed_columns(task):
                if column not in cells:
                    raise DataError(
                        f'column {column!r} is missing; {task.type} task {task.name!r} needs it '
                        f'(with_labels=False does without); the columns are {list(cells)}',
                        file=path,
                        row=1,
                    )
                if not cells[column].strip():
                    raise BadRow(f'{column} of {task.name!r} is empty (with_labels=False does without)')
            annotation = parse_annotation(cells, task, self._files)
        else:
            annotation = {}
            if mask_path:
                self._files.locate('mask_path', mask_path, must_exist=False)
        self._note_group(path, line, cells, key)
        return Record(str(path), line, task.name, task.type, img_path, cells['image_path'], mask_path, key, annotation)

    def with_known_groups(self, records: list[Record]) -> list[Record]:
        """The records, each with the group that any row gives for its image."""
        if self._group_column is None:
            return records
        if not self._group_column_met:
            raise ConfigError(f'no CSV file has the group column {self._group_column!r}')
        return [replace(record, group=self._group_of_image.get(record.group, record.group)) for record in records]

    def _note_group(self, path: Path, line: int, cells: Mapping[str, str], key: str) -> None:
        if self._group_column is None or self._group_column not in cells:
            return
        self._group_column_met = True
        value = cells[self._group_column].strip()
        if value and self._group_of_image.setdefault(key, value) != value:
            raise DataError(
                f'{self._group_column} of {cells["image_path"]!r} is {value!r}, '
                f'but {self._group_of_image[key]!r} in another row',
                file=path,
                row=line,
            )

    def _task(self, path: Path, line: int, cells: Mapping[str, str]) -> Task:
        key = (cells['task_id'], cells['task_name'], cells['num_classes'])
        if key in self._known:
            return self._known[key]
        name, task_name, count = key
        try:
            task = Task.from_csv(name, task_name, integer('num_classes', count))
        except ConfigError as error:
            raise BadRow(f'{error} (num_classes {count!r})') from error
        first_place, first = self._first_met.setdefault(name, (f'{path}, row {line}', task))
        if first != task:
            message = f'task {name!r} is {task.type} with {task.num_outputs} outputs here, but '
            message += f'{first.type} with {first.num_outputs} in {first_place}'
            raise DataError(message, file=path, row=line)
        try:
            self.tasks = self.tasks.with_tasks([task])
        except ConfigError as error:
            raise DataError(str(error), file=path, row=line) from error
        return self._known.setdefault(key, self.tasks[name])
