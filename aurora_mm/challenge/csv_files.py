"""The CSV files of the FMC-UIA layout, read into checked rows.

``<root>/csv_files/*.csv`` hold one row for each image and task. Every cell that a task needs is parsed here and every
file that a row names is looked for, so that a bad row is reported by file, line and value before anything is trained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.csv_cells import BadRow, Files
from aurora_mm.challenge.csv_tables import Row, csv_files_of, read_rows
from aurora_mm.challenge.csv_tasks import agree_on_tasks, described_tasks
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.tasks import Task, TaskTable

_GROUP_COLUMN = 'group'


@dataclass(frozen=True, slots=True)
class Record:
    """One row: an image and what is asked, and known, of it.

    Args:
        csv_file: Path of the CSV file.
        csv_row: Line in it, the header being line 1.
        task: Name of the task.
        task_type: Its type.
        img_path: Path of the image.
        image_path: The CSV's own text for it.
        mask_path: The CSV's own text for the mask, '' where it has none.
        image: Path of the image under the root.
        group: What must stay on one side of a split: the value of the group column, or ``image``.
        annotation: What :meth:`aurora_mm.annotations.Annotation.parse` gives; empty without labels.
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


class SkippedRow(NamedTuple):
    """A row that was left out.

    Args:
        task: The text of its ``task_id``.
        message: Why, with file and line.
    """

    task: str
    message: str


class FmcIndex(NamedTuple):
    """All rows of a root.

    Args:
        records: The rows that can be used.
        tasks: The known tasks and those of the rows.
        skipped: The bad rows, with ``on_error='skip'``.
        repeated: The rows that say again what an earlier one says.
        places: File and line where each task of the rows was first met.
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
    """Read every CSV file in ``<root>/csv_files``, in sorted order.

    Of labelled rows, one that repeats an earlier row of its task and image with the same label is left out. Rows that
    give an image different labels for one task are bad ones, all of them.

    Args:
        root: The folder that holds ``csv_files``.
        tasks: Known tasks. One that only a CSV knows is added, its classes or points numbered.
        with_labels: Whether to read labels; False for the unlabelled test layout.
        on_error: ``'raise'`` at the first bad row, or ``'skip'`` to leave bad rows out and list them. What is wrong
            with a file or a task as a whole raises in either case.
        group_column: Column whose value (a patient, say) keeps images together in a split; None takes the column
            ``group`` where there is one. A file may lack it or a cell be empty; then the value that another row gives
            for the same image counts, else the image alone.
        images_must_exist: Whether a row without its image file is a bad one.
        places: Where known tasks were met, for messages.

    Raises:
        DataError: Naming file, line and value of what is wrong.
        ConfigError: If ``on_error`` is neither of the two, or no file has the ``group_column``.
    """
    if on_error not in ('raise', 'skip'):
        raise ConfigError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
    files = csv_files_of(root)
    rows = [row for path in files for row in read_rows(path)]
    agreed = agree_on_tasks(rows, tasks, places or {})
    reader = _Reader(Path(root), agreed.table, with_labels, group_column, images_must_exist)
    records: list[Record] = []
    problems: list[tuple[Row, str]] = []
    for row, task in zip(rows, agreed.task_of_row, strict=True):
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
    """Tell whether any row under ``root`` has a label: a cell of its own type's columns, or for masks the file itself.

    The unlabelled test layout may have ``mask_path``, which says where predictions go. A row whose task cannot be told
    has no label.

    Raises:
        DataError: If there is no CSV file, or one that cannot be read.
    """
    files = Files(Path(root))
    for path in csv_files_of(root):
        rows = list(read_rows(path))
        for row, task in zip(rows, described_tasks(rows), strict=True):
            if isinstance(task, Task) and ANNOTATIONS[task.type].is_given(row.cells, task, files):
                return True
    return False


def describe_skipped(skipped: Sequence[SkippedRow], what: str = 'bad rows', examples: int = 10) -> str:
    """How many rows of each task were left out, and the first ``examples`` messages."""
    counts = ', '.join(f'{task} {count}' for task, count in sorted(Counter(row.task for row in skipped).items()))
    lines = [f'{len(skipped)} {what} left out: {counts}', *(row.message for row in skipped[:examples])]
    if len(skipped) > examples:
        lines.append(f'... and {len(skipped) - examples} more')
    return '\n  '.join(lines)


def _compare_labels(records: Iterable[Record]) -> tuple[list[Record], list[SkippedRow], list[SkippedRow]]:
    """(each label once, the rows that repeat one, the rows that contradict each other)."""
    same: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        same.setdefault((record.task, record.image), []).append(record)
    kept, repeated, contradicting = [], [], []
    for first, *others in same.values():
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
    """Turns rows into records, and remembers the folders and groups met on the way."""

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
        )

    def with_known_groups(self, records: list[Record]) -> list[Record]:
        """The records, each with the group that any row gives for its image."""
        if not self._group_column_met:
            if not self._group_column_is_asked:
                return records
            raise ConfigError(f'no CSV file has the group column {self._group_column!r}')
        return [replace(record, group=self._group_of_image.get(record.image, record.image)) for record in records]

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
