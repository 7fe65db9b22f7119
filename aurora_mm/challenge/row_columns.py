"""The rows of a data root as columns and as records."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, overload

import numpy as np

from aurora_mm.challenge.path_texts import in_folders
from aurora_mm.challenge.text_column import TextColumn


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
        pixel_spacing: (height, width) of a pixel of the image in mm, by the column ``pixel_spacing``; None if it does
            not say it.
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
    pixel_spacing: tuple[float, float] | None


@dataclass(frozen=True)
class RowColumns:
    """N rows of a data root. The values of columns that repeat are kept once, and each row has the index of its value.

    Args:
        root: Data root.
        csv_files: Paths of the CSV files.
        tasks: Name and type of each task.
        folders: Folders of images, relative to the root.
        csv_file: (N,) int32, index in ``csv_files``.
        csv_row: (N,) int32, line in the CSV file.
        task: (N,) int32, index in ``tasks``.
        folder: (N,) int32, index in ``folders``.
        image: (N,) int32, number of the image file. Rows with the same image have the same number.
        group: (N,) int32, index in ``groups``, -1 if the image is its own group.
        spacing: (N,) int32, index in ``spacings``, -1 if the pixel spacing is not known.
        annotation: (N,) int32, index in ``annotations``.
        stratum: (N,) int32, see :meth:`aurora_mm.annotations.Annotation.stratum`.
        image_path: Text of the column ``image_path`` of each row.
        mask_path: Text of the column ``mask_path`` of each row, '' if there is none.
        groups: The values of the group column.
        spacings: The different pixel spacings, (height, width) in mm as JSON.
        annotations: The different annotations, as JSON.
    """

    root: str
    csv_files: list[str]
    tasks: list[tuple[str, str]]
    folders: list[str]
    csv_file: np.ndarray
    csv_row: np.ndarray
    task: np.ndarray
    folder: np.ndarray
    image: np.ndarray
    group: np.ndarray
    spacing: np.ndarray
    annotation: np.ndarray
    stratum: np.ndarray
    image_path: TextColumn
    mask_path: TextColumn
    groups: TextColumn
    spacings: TextColumn
    annotations: TextColumn

    def __len__(self) -> int:
        return len(self.csv_row)

    def take(self, rows: np.ndarray) -> RowColumns:
        """Return the columns of some rows.

        Args:
            rows: (M,) indices of rows.
        """
        import pyarrow as pa

        taken: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(RowColumns)}
        taken |= {name: taken[name][rows] for name in ARRAYS}
        for name in ('image_path', 'mask_path'):
            taken[name] = TextColumn.from_arrow(taken[name].to_arrow().take(pa.array(rows)))
        return RowColumns(**taken)

    def img_path(self, row: int) -> str:
        """Return the path of the image of a row."""
        return f'{self.root}/{self.image_of(row)}'

    def img_paths(self, rows: np.ndarray) -> list[str]:
        """Return the paths of the images of rows, as :meth:`img_path` does for one.

        Args:
            rows: (M,) indices of rows.
        """
        return self._images_in(rows, [f'{self.root}/{folder}' for folder in self.folders])

    def groups_of(self, rows: np.ndarray) -> list[str]:
        """Return the groups of the images of rows, as :meth:`record` does for one.

        Args:
            rows: (M,) indices of rows.
        """
        found = np.empty(len(rows), object)
        alone = self.group[rows] < 0
        found[alone] = self._images_in(rows[alone], self.folders)
        found[~alone] = [self.groups[number] for number in self.group[rows[~alone]].tolist()]
        return found.tolist()

    def _images_in(self, rows: np.ndarray, folders: list[str]) -> list[str]:
        """Return the paths of the images of rows in folders that are named otherwise."""
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = pc.utf8_trim_whitespace(self.image_path.to_arrow().take(pa.array(rows)))
        return in_folders(texts, folders, self.folder[rows]).to_pylist()

    def image_of(self, row: int) -> str:
        """Return the path of the image of a row, relative to the root."""
        return f'{self.folders[self.folder[row]]}/{self.image_path[row].strip().rpartition("/")[2]}'

    def record(self, row: int) -> Record:
        """Return a row as a record."""
        task, task_type = self.tasks[self.task[row]]
        image = self.image_of(row)
        group, spacing = int(self.group[row]), int(self.spacing[row])
        return Record(
            csv_file=self.csv_files[self.csv_file[row]],
            csv_row=int(self.csv_row[row]),
            task=task,
            task_type=task_type,
            img_path=f'{self.root}/{image}',
            image_path=self.image_path[row],
            mask_path=self.mask_path[row],
            image=image,
            group=image if group < 0 else self.groups[group],
            annotation=json.loads(self.annotations[self.annotation[row]]),
            pixel_spacing=None if spacing < 0 else tuple(json.loads(self.spacings[spacing])),
        )


ARRAYS = tuple(field.name for field in fields(RowColumns) if field.type == 'np.ndarray')
"""Fields with a number for each row."""


def first_places(numbers: np.ndarray) -> np.ndarray:
    """Return the first place of each different number, in the order of the numbers.

    ``np.unique(numbers, return_index=True)[1]`` is the same, but it sorts.

    Args:
        numbers: (N,) int32, at least 0, with few gaps: memory is needed for each up to the largest.
    """
    places = np.full(int(numbers.max(initial=-1)) + 1, -1, np.int32)
    places[numbers[::-1]] = np.arange(len(numbers) - 1, -1, -1, dtype=np.int32)  # of equal numbers, the last one stays
    return places[places >= 0]


class Records(Sequence[Record]):
    """Some rows of a data root, each made into a record when it is read.

    Args:
        columns: All rows.
        rows: (N,) int32, the indices of the rows to take.
    """

    def __init__(self, columns: RowColumns, rows: np.ndarray) -> None:
        self.columns = columns
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice | np.ndarray) -> Records: ...

    def __getitem__(self, index: int | slice | np.ndarray) -> Record | Records:
        if isinstance(index, slice | np.ndarray):
            return Records(self.columns, self.rows[index])
        return self.columns.record(int(self.rows[index]))

    def __iter__(self) -> Iterator[Record]:
        return (self.columns.record(row) for row in self.rows.tolist())

    def of_tasks(self, names: Container[str]) -> Records:
        """Return the rows of some tasks."""
        wanted = np.array([name in names for name, _ in self.columns.tasks], bool)
        return self[wanted[self.columns.task[self.rows]].nonzero()[0]]

    def tasks(self) -> list[str]:
        """Return the names of the tasks of these rows, in the order of their first rows."""
        return [self.columns.tasks[code][0] for code in self.columns.task[self.rows[self._first_of_tasks()]].tolist()]

    def one_of_each_task(self) -> Records:
        """Return the first row of each task, with columns of these rows alone."""
        rows = self.rows[self._first_of_tasks()]
        return Records(self.columns.take(rows), np.arange(len(rows), dtype=np.int32))

    def _first_of_tasks(self) -> np.ndarray:
        return np.sort(first_places(self.columns.task[self.rows]))
