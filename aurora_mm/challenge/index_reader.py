"""Checks the rows of CSV files and joins them to columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.arrow_columns import CsvColumns
from aurora_mm.challenge.column_checks import (
    LocatedPaths,
    annotation_text,
    encode,
    encode_together,
    first_rows,
    locate_paths,
    parse_annotations,
)
from aurora_mm.challenge.csv_cells import BadRow, Files
from aurora_mm.challenge.csv_tables import Row
from aurora_mm.challenge.csv_tasks import Description
from aurora_mm.challenge.row_columns import RowColumns
from aurora_mm.challenge.text_column import TextColumn
from aurora_mm.errors import DataError
from aurora_mm.tasks import Task

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP_COLUMN = 'group'


class Problem(NamedTuple):
    """A bad row.

    Args:
        file: Number of the CSV file.
        row: Index of the row in the file.
        task: Text of the column ``task_id``.
        text: The error message, with file and line.
        error: The error to raise.
    """

    file: int
    row: int
    task: str
    text: str
    error: DataError


class _Part(NamedTuple):
    """The columns of one CSV file. Bad rows are in them too, but not in ``is_good``."""

    file: Path
    is_good: np.ndarray
    lines: np.ndarray
    task: np.ndarray
    images: LocatedPaths
    annotation: np.ndarray
    stratum: np.ndarray
    annotations: list[str]
    columns: dict[str, pa.LargeStringArray]


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


class IndexReader:
    """Checks the rows of CSV files, and joins the columns of all files.

    Args:
        root: Data root.
        with_labels: Whether to read labels.
        stop: Whether to stop at the first bad row.
        group_column: Column of groups; None for the column ``group``.
        images_must_exist: Whether a row is bad if its image file does not exist.
    """

    def __init__(
        self, root: Path, with_labels: bool, stop: bool, group_column: str | None, images_must_exist: bool
    ) -> None:
        self.met_group_column = False
        self.files = Files(root)
        self._root = root
        self._with_labels = with_labels
        self._stop = stop
        self._group_column = group_column or _GROUP_COLUMN
        self._images_must_exist = images_must_exist
        self._parts: list[_Part] = []
        self._problems: list[Problem] = []
        self._tasks: dict[tuple[str, str], int] = {}

    def read(self, table: CsvColumns, code: np.ndarray, tasks: list[Task | str]) -> None:
        """Check the rows of a file.

        Args:
            table: The rows.
            code: (N,) int32, the description of each row, see :func:`describe_rows`.
            tasks: For each description, its task or an error message.

        Raises:
            DataError: If a column is missing.
        """
        if not len(code) or (self._stop and self._problems):
            return
        images = locate_paths(self.files, table, 'image_path', self._images_must_exist)
        of_code = np.array([self._number(task) for task in tasks] + [-1], np.int32)
        task = of_code[code]  # -1 for no task
        is_sure = images.is_sure & (task >= 0)
        annotation, stratum = np.zeros(len(code), np.int32), np.zeros(len(code), np.int32)
        annotations = ['{}']
        if self._with_labels:
            for number, of_task in enumerate(tasks):
                if not isinstance(of_task, Task):
                    continue
                rows = None if len(tasks) == 1 and not table.faults else np.flatnonzero(code == number)
                where = slice(None) if rows is None else rows
                parsed = parse_annotations(table, rows, of_task, self.files)
                if parsed is None:
                    is_sure[where] = False
                    continue
                is_sure[where] &= parsed.is_sure
                annotation[where] = parsed.code + len(annotations)
                stratum[where] = parsed.strata[parsed.code]
                annotations += parsed.texts
        elif 'mask_path' in table.columns:
            masks = locate_paths(self.files, table, 'mask_path', must_exist=False)
            is_sure &= masks.is_sure | (np.diff(TextColumn.from_arrow(masks.texts).ends) == 0)
        for index in np.flatnonzero(~is_sure).tolist():
            row, described = table.row(index), tasks[code[index]] if code[index] >= 0 else ''
            try:
                found = self._check(row, described)
            except (BadRow, DataError) as bad:
                if isinstance(bad, DataError) and not self._stop:
                    raise
                error = bad if isinstance(bad, DataError) else DataError(str(bad), file=row.file, row=row.line)
                error.__cause__ = bad if isinstance(bad, BadRow) else None
                self._problems.append(
                    Problem(len(self._parts), index, row.cells['task_id'], f'{row.place}: {bad}', error)
                )
                if self._stop:
                    is_sure[index:] = False
                    break
            else:
                is_sure[index] = True
                if self._with_labels:
                    annotation[index] = len(annotations)
                    stratum[index] = ANNOTATIONS[described.type].stratum(found)
                    annotations.append(annotation_text(found, described))
        kept = ('image_path', 'mask_path', self._group_column)
        columns = {name: texts for name, texts in table.columns.items() if name in kept}
        if self._group_column in columns and is_sure.any():
            self.met_group_column = True
        self._parts.append(
            _Part(table.file, is_sure, table.lines, task, images, annotation, stratum, annotations, columns)
        )

    def columns(self) -> tuple[RowColumns, list[Problem]]:
        """Return the columns of the good rows of all files, and the bad rows.

        Raises:
            DataError: With ``stop``, if there is a bad row. The first one is named.
        """
        import pyarrow as pa

        parts = self._parts
        sizes = [len(part.lines) for part in parts]
        is_good = _concatenate([part.is_good for part in parts], bool)
        image, groups = self._images(), self._texts(self._group_column)
        number_of_images = int(image.max(initial=-1)) + 1
        group, values = encode(groups)
        group = group.copy()
        group[np.diff(TextColumn.from_arrow(groups).ends) == 0] = -1
        given = np.flatnonzero(is_good & (group >= 0))
        of_image = np.full(number_of_images, -1, np.int32)
        of_image[image[given[::-1]]] = group[given[::-1]]  # the first row of an image is assigned last, and stands
        conflicts = given[group[given] != of_image[image[given]]]
        problems = self._problems + self._conflicts(conflicts, sizes, group, of_image[image[conflicts]], values)
        problems.sort(key=lambda problem: problem[:2])
        if problems and self._stop:
            raise problems[0].error from problems[0].error.__cause__
        is_good[conflicts] = False
        good = None if is_good.all() else pa.array(is_good)
        rows = slice(None) if good is None else is_good
        folders = list(dict.fromkeys(folder for part in parts for folder in part.images.folders))
        place = {folder: number for number, folder in enumerate(folders)}
        folder = [
            np.array([place[folder] for folder in part.images.folders], np.int32)[part.images.parent] for part in parts
        ]
        annotation, start = [], 0
        for part in parts:
            annotation.append(part.annotation + np.int32(start))
            start += len(part.annotations)
        annotations = pa.array([text for part in parts for text in part.annotations], pa.large_string())
        texts = {
            name: self._texts(name) if good is None else self._texts(name).filter(good)
            for name in ('image_path', 'mask_path')
        }
        columns = RowColumns(
            root=str(self._root),
            csv_files=[str(part.file) for part in parts],
            tasks=list(self._tasks),
            folders=folders,
            csv_file=np.repeat(np.arange(len(parts), dtype=np.int32), sizes)[rows],
            csv_row=_concatenate([part.lines for part in parts], np.int32)[rows],
            task=_concatenate([part.task for part in parts], np.int32)[rows],
            folder=_concatenate(folder, np.int32)[rows],
            image=image[rows],
            group=of_image[image][rows],
            annotation=_concatenate(annotation, np.int32)[rows],
            stratum=_concatenate([part.stratum for part in parts], np.int32)[rows],
            image_path=TextColumn.from_arrow(texts['image_path']),
            mask_path=TextColumn.from_arrow(texts['mask_path']),
            groups=TextColumn.from_arrow(values),
            annotations=TextColumn.from_arrow(annotations),
        )
        _join_groups_named_as_images(columns)
        return columns, problems

    def _number(self, task: Task | str) -> int:
        return self._tasks.setdefault((task.name, task.type), len(self._tasks)) if isinstance(task, Task) else -1

    def _check(self, row: Row, task: Task | str) -> dict:
        """Check one row, and return its annotation."""
        cells = row.cells
        if row.fault is not None:
            raise BadRow(row.fault)
        if isinstance(task, str):
            raise BadRow(task)
        self.files.locate('image_path', cells['image_path'], self._images_must_exist)
        if not self._with_labels:
            if cells.get('mask_path', '').strip():
                self.files.locate('mask_path', cells['mask_path'], must_exist=False)
            return {}
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
        return ANNOTATIONS[task.type].parse(cells, task, self.files)

    def _images(self) -> np.ndarray:
        """Return (N,) int32, the number of each row's image."""
        import pyarrow as pa

        folder_of = {
            pair for part in self._parts for pair in zip(part.images.parents, part.images.folders, strict=True)
        }
        # The text of a path is as good as the path itself if no two texts lead to one folder.
        is_text_enough = '' not in dict(folder_of) and len({folder for _, folder in folder_of}) == len(folder_of)
        parts = [part.images.texts if is_text_enough else part.images.keys() for part in self._parts]
        return encode(_joined(parts, pa.large_string()))[0]

    def _texts(self, column: str) -> pa.LargeStringArray:
        """Return a column of all files, '' where a file does not have it."""
        import pyarrow as pa

        return _joined(
            [
                part.columns[column]
                if column in part.columns
                else pa.repeat(pa.scalar('', pa.large_string()), len(part.lines))
                for part in self._parts
            ],
            pa.large_string(),
        )

    def _conflicts(
        self, rows: np.ndarray, sizes: list[int], group: np.ndarray, others: np.ndarray, values: pa.LargeStringArray
    ) -> list[Problem]:
        """Return the rows with another group than an earlier row with the same image."""
        starts = np.cumsum([0, *sizes])
        problems = []
        for row, other in zip(rows.tolist(), others.tolist(), strict=True):
            file = int(np.searchsorted(starts, row, side='right')) - 1
            index = row - int(starts[file])
            part = self._parts[file]
            message = (
                f'{self._group_column} of {part.columns["image_path"][index].as_py()!r} is '
                f'{values[int(group[row])].as_py()!r}, but {values[other].as_py()!r} in another row'
            )
            line = int(part.lines[index])
            task = list(self._tasks)[part.task[index]][0]
            error = DataError(message, file=part.file, row=line)
            problems.append(Problem(file, index, task, str(error), error))
        return problems


def rows_with_several_labels(columns: RowColumns) -> list[int]:
    """Return the rows whose image and task another row has too, in increasing order."""
    pairs = columns.task.astype(np.int64) * (int(columns.image.max(initial=0)) + 1) + columns.image
    in_order = np.sort(pairs)
    repeated = np.unique(in_order[1:][in_order[1:] == in_order[:-1]])
    return np.flatnonzero(np.isin(pairs, repeated)).tolist() if len(repeated) else []


def _join_groups_named_as_images(columns: RowColumns) -> None:
    """Add images without a group to the group that is called as they are. Changes ``columns.group``."""
    alone = np.flatnonzero(columns.group < 0)
    if not len(columns.groups) or not len(alone) or len(alone) == len(columns):
        return
    code = {text: number for number, text in enumerate(columns.groups)}
    for row in alone.tolist():
        columns.group[row] = code.get(columns.image_of(row), -1)


def _joined(arrays: list, kind: pa.DataType) -> pa.LargeStringArray:
    import pyarrow as pa

    if len(arrays) == 1:
        return arrays[0]
    return pa.concat_arrays(arrays) if arrays else pa.array([], kind)


def _concatenate(arrays: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.zeros(0, kind)
