"""Joins the checked rows of several CSV files to columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from aurora_mm.challenge.column_checks import LocatedPaths, encode
from aurora_mm.challenge.row_columns import RowColumns
from aurora_mm.challenge.text_column import TextColumn
from aurora_mm.errors import DataError
from aurora_mm.images.pixel_spacing import SPACING_COLUMN

if TYPE_CHECKING:
    import pyarrow as pa


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


class IndexPart(NamedTuple):
    """The columns of one CSV file. Bad rows are in them too, but not in ``is_good``."""

    file: Path
    is_good: np.ndarray
    lines: np.ndarray
    task: np.ndarray
    images: LocatedPaths
    spacing: np.ndarray
    spacings: list[str]
    annotation: np.ndarray
    stratum: np.ndarray
    annotations: list[str]
    columns: dict[str, pa.LargeStringArray]


class IndexParts:
    """The checked rows of all files.

    Args:
        root: Data root.
        group_column: Column of groups.
    """

    def __init__(self, root: Path, group_column: str) -> None:
        self._root = root
        self._group_column = group_column
        self._parts: list[IndexPart] = []

    def __len__(self) -> int:
        return len(self._parts)

    def add(self, part: IndexPart) -> None:
        """Add the rows of a file."""
        self._parts.append(part)

    def join(
        self, tasks: list[tuple[str, str]], problems: Sequence[Problem], stop: bool
    ) -> tuple[RowColumns, list[Problem]]:
        """Return the columns of the good rows of all files, and the bad rows.

        Args:
            tasks: Name and type of each task.
            problems: The bad rows that are known.
            stop: Whether a bad row is an error.

        Raises:
            DataError: With ``stop``, if there is a bad row. The first one is named.
        """
        import pyarrow as pa

        parts = self._parts
        sizes = [len(part.lines) for part in parts]
        is_good = _concatenate([part.is_good for part in parts], bool)
        image = self._images()
        names = [name for name, _ in tasks]
        group, groups, wrong_groups = self._groups(image, is_good)
        spacing, spacings, wrong_spacings = self._spacings(image, is_good)
        found = [
            *problems,
            *self._conflicts(self._group_column, names, wrong_groups, sizes),
            *self._conflicts(SPACING_COLUMN, names, wrong_spacings, sizes),
        ]
        found.sort(key=lambda problem: problem[:2])
        if found and stop:
            raise found[0].error from found[0].error.__cause__
        is_good[[*wrong_groups, *wrong_spacings]] = False
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
            tasks=tasks,
            folders=folders,
            csv_file=np.repeat(np.arange(len(parts), dtype=np.int32), sizes)[rows],
            csv_row=_concatenate([part.lines for part in parts], np.int32)[rows],
            task=_concatenate([part.task for part in parts], np.int32)[rows],
            folder=_concatenate(folder, np.int32)[rows],
            image=image[rows],
            group=group[rows],
            spacing=spacing[rows],
            annotation=_concatenate(annotation, np.int32)[rows],
            stratum=_concatenate([part.stratum for part in parts], np.int32)[rows],
            image_path=TextColumn.from_arrow(texts['image_path']),
            mask_path=TextColumn.from_arrow(texts['mask_path']),
            groups=TextColumn.from_arrow(groups),
            spacings=TextColumn.from_arrow(pa.array(spacings, pa.large_string())),
            annotations=TextColumn.from_arrow(annotations),
        )
        _join_groups_named_as_images(columns)
        return columns, found

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

    def _groups(
        self, image: np.ndarray, is_good: np.ndarray
    ) -> tuple[np.ndarray, pa.LargeStringArray, dict[int, tuple[str, str]]]:
        """Return (N,) int32, the group of each row's image, the groups, and the rows with another group."""
        texts = self._texts(self._group_column)
        code, values = encode(texts)
        code = code.copy()
        code[np.diff(TextColumn.from_arrow(texts).ends) == 0] = -1
        of_row, conflicts = _of_image(image, code, is_good)
        return (
            of_row,
            values,
            {row: (repr(values[int(code[row])].as_py()), repr(values[int(of_row[row])].as_py())) for row in conflicts},
        )

    def _spacings(
        self, image: np.ndarray, is_good: np.ndarray
    ) -> tuple[np.ndarray, list[str], dict[int, tuple[str, str]]]:
        """Return (N,) int32, the spacing of each row's image, the spacings, and the rows with another spacing."""
        numbers: dict[str, int] = {}
        codes = []
        for part in self._parts:
            code = np.array([*(numbers.setdefault(text, len(numbers)) for text in part.spacings), -1], np.int32)
            codes.append(code[part.spacing])  # the last one is of -1
        if not numbers:
            return np.broadcast_to(np.int32(-1), len(image)), [], {}
        code, values = _concatenate(codes, np.int32), list(numbers)
        of_row, conflicts = _of_image(image, code, is_good)
        return of_row, values, {row: (values[code[row]], values[of_row[row]]) for row in conflicts}

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
        self, column: str, tasks: list[str], wrong: Mapping[int, tuple[str, str]], sizes: list[int]
    ) -> list[Problem]:
        """Return the rows with another value than an earlier row with the same image.

        Args:
            column: Name of the column.
            tasks: Names of the tasks.
            wrong: The two values, by row.
            sizes: Number of rows of each file.
        """
        starts = np.cumsum([0, *sizes])
        problems = []
        for row, (value, other) in wrong.items():
            file = int(np.searchsorted(starts, row, side='right')) - 1
            index = row - int(starts[file])
            part = self._parts[file]
            message = (
                f'{column} of {part.columns["image_path"][index].as_py()!r} is {value}, but {other} in another row'
            )
            line = int(part.lines[index])
            error = DataError(message, file=part.file, row=line)
            problems.append(Problem(file, index, tasks[part.task[index]], str(error), error))
        return problems


def rows_with_several_labels(columns: RowColumns) -> list[int]:
    """Return the rows whose image and task another row has too, in increasing order."""
    pairs = columns.task.astype(np.int64) * (int(columns.image.max(initial=0)) + 1) + columns.image
    in_order = np.sort(pairs)
    repeated = np.unique(in_order[1:][in_order[1:] == in_order[:-1]])
    return np.flatnonzero(np.isin(pairs, repeated)).tolist() if len(repeated) else []


def _of_image(image: np.ndarray, code: np.ndarray, is_good: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Give all rows of an image the value of its first row that has one.

    Args:
        image: (N,) int32, number of each row's image.
        code: (N,) int32, number of each row's value, -1 for none.
        is_good: (N,) bool, rows that count.

    Returns:
        (N,) int32, the number of the value of each row's image, -1 for none; and the rows with another value.
    """
    given = np.flatnonzero(is_good & (code >= 0))
    of_image = np.full(int(image.max(initial=-1)) + 1, -1, np.int32)
    of_image[image[given[::-1]]] = code[given[::-1]]  # the first row of an image is assigned last, and stands
    return of_image[image], given[code[given] != of_image[image[given]]].tolist()


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
