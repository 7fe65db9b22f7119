"""Reads and checks the CSV files of the FMC-UIA layout.

``<root>/csv_files/*.csv`` have one row per image and task. All cells that a task needs are parsed, and all files that
rows refer to must exist, so that errors are reported before training.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.arrow_columns import read_columns
from aurora_mm.challenge.csv_cells import Files
from aurora_mm.challenge.csv_tables import csv_files_of, read_rows
from aurora_mm.challenge.csv_tasks import Description, agree_on_tasks, described_task
from aurora_mm.challenge.fmc_index import FmcIndex, NoUsableRowError, SkippedRow
from aurora_mm.challenge.index_parts import rows_with_several_labels
from aurora_mm.challenge.index_reader import IndexReader
from aurora_mm.challenge.row_columns import Record, Records
from aurora_mm.challenge.row_descriptions import describe_rows
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.tasks import Task, TaskTable


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
        NoUsableRowError: If there is no valid row.
        ConfigError: If ``on_error`` is unknown, or no file has the ``group_column``.
    """
    if on_error not in ('raise', 'skip'):
        raise ConfigError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
    files = csv_files_of(root)
    tables = [read_columns(path) for path in files]
    codes, described = [], []
    descriptions: list[Description] = []
    for table in tables:
        code, found = describe_rows(table)
        codes.append(code)
        described.append(range(len(descriptions), len(descriptions) + len(found)))
        descriptions += found
    agreed = agree_on_tasks(descriptions, tasks, places or {})
    reader = IndexReader(Path(root), with_labels, on_error == 'raise', group_column, images_must_exist)
    tables.reverse()
    for code, of_file in zip(codes, described, strict=True):  # tables are freed one by one
        reader.read(tables.pop(), code, [agreed.of_description[place] for place in of_file])
    columns, problems = reader.columns()
    repeated: list[SkippedRow] = []
    skipped = [SkippedRow(problem.task, problem.text) for problem in problems]
    rows: NDArray[np.int32] = np.arange(len(columns), dtype=np.int32)
    if with_labels:
        left_out, repeated, contradicting = _compare_labels(
            {row: columns.record(row) for row in rows_with_several_labels(columns)}
        )
        if contradicting and on_error == 'raise':
            raise DataError(contradicting[0].message)
        skipped += contradicting
        rows = np.delete(rows, left_out)
    if not len(rows):
        raise NoUsableRowError(len(files), files[0].parent, skipped)
    if group_column is not None and not reader.met_group_column:
        raise ConfigError(f'no CSV file has the group column {group_column!r}')
    return FmcIndex(Records(columns, rows), agreed.table, skipped, repeated, agreed.places, reader.files.changed)


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
    tasks: dict[tuple[str, str, str], Task | str] = {}
    for path in csv_files_of(root):
        for row in read_rows(path):
            cells = (row.cells['task_id'], row.cells['task_name'], row.cells['num_classes'])
            if cells not in tasks:
                tasks[cells] = described_task(*cells)
            task = tasks[cells]
            if row.fault is not None or isinstance(task, str):
                continue
            if ANNOTATIONS[task.type].is_given(row.cells, task, files):
                return True
    return False


def _compare_labels(records: Mapping[int, Record]) -> tuple[list[int], list[SkippedRow], list[SkippedRow]]:
    """Compare rows that have their image and task in common with another row.

    Args:
        records: The rows by index, in increasing order.

    Returns:
        Indices of the rows to leave out, the rows that repeat others, and the rows that contradict others.
    """
    rows_of: dict[tuple[str, str], list[int]] = {}
    for row, record in records.items():
        rows_of.setdefault((record.task, record.image), []).append(row)
    left_out: list[int] = []
    repeated, contradicting = [], []
    for rows in rows_of.values():
        first, *others = (records[row] for row in rows)
        differing = [other for other in others if other.annotation != first.annotation]
        if differing:
            message = f'image {first.image_path!r} has another label for task {first.task!r}: {first.annotation} in '
            message += f'{first.csv_file}, row {first.csv_row}, but {differing[0].annotation} here'
            if hint := ANNOTATIONS[first.task_type].repeated_hint:
                message += f'; {hint}'
            place = f'{differing[0].csv_file}, row {differing[0].csv_row}'
            contradicting += [SkippedRow(first.task, f'{place}: {message}')] * (1 + len(others))
            left_out += rows
            continue
        left_out += rows[1:]
        repeated += [
            SkippedRow(first.task, f'{r.csv_file}, row {r.csv_row}: repeats {first.csv_file}, row {first.csv_row}')
            for r in others
        ]
    return left_out, repeated, contradicting
