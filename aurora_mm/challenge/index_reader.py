"""Checks the rows of CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.arrow_columns import CsvColumns
from aurora_mm.challenge.column_checks import annotation_text, locate_paths, parse_annotations
from aurora_mm.challenge.csv_cells import BadRow, Files
from aurora_mm.challenge.csv_tables import Row
from aurora_mm.challenge.index_parts import IndexPart, IndexParts, Problem
from aurora_mm.challenge.row_columns import RowColumns
from aurora_mm.challenge.spacing_column import parse_spacing_cell, parse_spacings
from aurora_mm.challenge.text_column import TextColumn
from aurora_mm.column_names import GROUP_COLUMN
from aurora_mm.errors import DataError
from aurora_mm.images.pixel_spacing import SPACING_COLUMN
from aurora_mm.tasks import Task


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
        self._with_labels = with_labels
        self._stop = stop
        self._group_column = group_column or GROUP_COLUMN
        self._images_must_exist = images_must_exist
        self._parts = IndexParts(root, self._group_column)
        self._problems: list[Problem] = []
        self._tasks: dict[tuple[str, str], int] = {}

    def read(self, table: CsvColumns, code: np.ndarray, tasks: list[Task | str]) -> None:
        """Check the rows of a file.

        Args:
            table: The rows.
            code: (N,) int32, the description of each row, see :func:`.row_descriptions.describe_rows`.
            tasks: For each description, its task or an error message.

        Raises:
            DataError: If a column is missing.
        """
        if not len(code) or (self._stop and self._problems):
            return
        images = locate_paths(self.files, table, 'image_path', self._images_must_exist)
        of_code = np.array([self._number(task) for task in tasks] + [-1], np.int32)
        task = of_code[code]  # -1 for no task
        spacings = parse_spacings(table)
        is_sure = images.is_sure & spacings.is_sure & (task >= 0)
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
                of_row, found = self._check(row, described)
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
                    stratum[index] = ANNOTATIONS[of_row.type].stratum(found)
                    annotations.append(annotation_text(found, of_row))
        kept = ('image_path', 'mask_path', self._group_column)
        columns = {name: texts for name, texts in table.columns.items() if name in kept}
        if self._group_column in columns and is_sure.any():
            self.met_group_column = True
        self._parts.add(
            IndexPart(
                file=table.file,
                is_good=is_sure,
                lines=table.lines,
                task=task,
                images=images,
                spacing=spacings.code,
                spacings=spacings.texts,
                annotation=annotation,
                stratum=stratum,
                annotations=annotations,
                columns=columns,
            )
        )

    def columns(self) -> tuple[RowColumns, list[Problem]]:
        """Return the columns of the good rows of all files, and the bad rows, see :meth:`IndexParts.join`."""
        return self._parts.join(list(self._tasks), self._problems, self._stop)

    def _number(self, task: Task | str) -> int:
        return self._tasks.setdefault((task.name, task.type), len(self._tasks)) if isinstance(task, Task) else -1

    def _check(self, row: Row, task: Task | str) -> tuple[Task, dict[str, Any]]:
        """Check one row, and return its task and its annotation."""
        cells = row.cells
        if row.fault is not None:
            raise BadRow(row.fault)
        if isinstance(task, str):
            raise BadRow(task)
        self.files.locate('image_path', cells['image_path'], self._images_must_exist)
        parse_spacing_cell(cells.get(SPACING_COLUMN, ''))
        if not self._with_labels:
            if cells.get('mask_path', '').strip():
                self.files.locate('mask_path', cells['mask_path'], must_exist=False)
            return task, {}
        annotation = ANNOTATIONS[task.type]
        for column in annotation.columns(task):
            if column not in cells:
                raise DataError(
                    f'column {column!r} is missing; {task.type} task {task.name!r} needs it '
                    f'(with_labels=False does without); the columns are {list(cells)}',
                    file=row.file,
                    row=1,
                )
            if not cells[column].strip():
                hint = annotation.empty_hint
                raise BadRow(f'{column} of {task.name!r} is empty (with_labels=False does without){hint}')
        return task, annotation.parse(cells, task, self.files)
