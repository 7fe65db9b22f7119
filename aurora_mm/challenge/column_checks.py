"""Checks of whole columns: which rows are surely correct.

All other rows are checked one by one, which also gives their error messages. So these checks may miss a correct row,
but never pass a wrong one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from aurora_mm.annotations import ANNOTATIONS, Annotation
from aurora_mm.challenge.arrow_columns import CsvColumns
from aurora_mm.challenge.csv_cells import BadRow, Files
from aurora_mm.challenge.path_texts import in_folders
from aurora_mm.errors import ConfigError
from aurora_mm.tasks import Task

if TYPE_CHECKING:
    import pyarrow as pa

_PART = 1 << 16


class LocatedPaths(NamedTuple):
    """The folders and files that a column of paths leads to.

    Args:
        is_sure: (N,) bool, whether :meth:`aurora_mm.challenge.csv_cells.Files.locate` surely accepts the path.
        texts: The paths without white space around them, ``pyarrow.LargeStringArray``.
        parent: (N,) int32, index in ``parents``.
        parents: The paths without their last part.
        folders: Folder of each parent relative to the data root, '' for one that cannot be read.
    """

    is_sure: np.ndarray
    texts: pa.LargeStringArray
    parent: np.ndarray
    parents: list[str]
    folders: list[str]

    def keys(self) -> pa.LargeStringArray:
        """Return the paths relative to the data root."""
        return in_folders(self.texts, self.folders, self.parent)


def locate_paths(files: Files, table: CsvColumns, column: str, must_exist: bool) -> LocatedPaths:
    """Find the files of a column of paths.

    Args:
        files: Lists the folders, each once.
        table: The rows of a CSV file.
        column: Name of the column.
        must_exist: Whether a path is only correct if the file exists.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(table.columns[column])
    has_parent = pc.match_substring(texts, '/')
    parents = pc.if_else(has_parent, pc.replace_substring_regex(texts, '(?s)/[^/]*$', ''), '').dictionary_encode()
    codes = parents.indices.to_numpy()
    folders: list[str] = []
    existing: list[str] = []
    is_listed: list[bool] = []
    files.list_folders(parents.dictionary.to_pylist())
    for parent in parents.dictionary.to_pylist():
        listing = files.listing(parent)
        is_listed.append(listing is not None)
        folders.append('' if listing is None else listing[0])
        if listing is not None and must_exist:
            existing += [f'{parent}/{name}' for name in listing[1]]
            existing += [] if parent else listing[1]
    if must_exist:
        paths = texts
        if pc.any(pc.match_substring(texts, '#')).as_py():
            paths = pc.replace_substring_regex(texts, '#frame=[0-9]{1,9}$', '')
        is_sure = _bools(pc.is_in(paths, value_set=pa.array(existing, pa.large_string())))
    else:
        is_sure = ~_bools(pc.match_substring_regex(texts, r'(^|/)\.{0,2}$'))
    if folders:
        is_sure = is_sure & np.array(is_listed)[codes]
    if not table.is_plain:
        is_sure = is_sure & ~_bools(pc.match_substring_regex(table.columns[column], r'[\x00-\x1f\x7f]'))
    return LocatedPaths(is_sure, texts, codes, parents.dictionary.to_pylist(), folders)


class ParsedAnnotations(NamedTuple):
    """The annotations of some rows of one task.

    Args:
        is_sure: (N,) bool, whether the annotation is correct.
        code: (N,) int32, index in ``texts``.
        texts: Each different annotation as JSON.
        strata: (M,) int64, stratum of each different annotation.
    """

    is_sure: np.ndarray
    code: np.ndarray
    texts: list[str]
    strata: np.ndarray


def parse_annotations(table: CsvColumns, rows: np.ndarray | None, task: Task, files: Files) -> ParsedAnnotations | None:
    """Parse the annotations of a task, each different one once.

    Args:
        table: The rows of a CSV file.
        rows: (N,) indices of the task's rows. None for all.
        task: The task.
        files: Finds the files that cells refer to.

    Returns:
        The annotations, or None if a column is missing.
    """
    annotation = ANNOTATIONS[task.type]
    columns = annotation.columns(task)
    if any(column not in table.columns for column in columns):
        return None
    chosen = [table.columns[column] if rows is None else table.columns[column].take(rows) for column in columns]
    count = len(table.lines) if rows is None else len(rows)
    code, first = encode_together(chosen, count)
    texts, strata = [], np.zeros(len(first), np.int64)
    is_good = np.ones(len(first), bool)
    has_strata = type(annotation).stratum is not _base_stratum
    for place, cells in enumerate(_cells(columns, chosen, first)):
        text = ''
        try:
            if not all(map(str.strip, cells.values())):
                raise BadRow('empty')
            found = annotation.parse(cells, task, files)
        except BadRow:
            is_good[place] = False
        else:
            text = annotation_text(found, task)
            strata[place] = annotation.stratum(found) if has_strata else 0
        texts.append(text)
    return ParsedAnnotations(is_good[code], code, texts, strata)


_base_stratum = Annotation.stratum


def annotation_text(annotation: Mapping[str, Any], task: Task) -> str:
    """Return an annotation as JSON, as the index of a data root keeps it.

    Args:
        annotation: What :meth:`aurora_mm.annotations.Annotation.parse` returns.
        task: Its task, for the error message.

    Raises:
        ConfigError: If it does not consist of numbers, text, lists and dicts.
    """
    try:
        return json.dumps(annotation)
    except TypeError as error:
        raise ConfigError(
            f'annotations of type {task.type!r} must consist of numbers, text and lists: {error}'
        ) from error


def encode(texts: pa.LargeStringArray) -> tuple[np.ndarray, pa.LargeStringArray]:
    """Return the int32 code of each text, and the different texts in the order of their first row."""
    encoded = texts.dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary


def encode_together(columns: list[pa.LargeStringArray], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the (N,) int32 code of each combination of cells, and the first row of each code.

    Args:
        columns: Columns of N texts.
        count: N, also if there is no column.
    """
    import pyarrow as pa

    code, number = np.zeros(count, np.int32), min(count, 1)
    for column in columns:
        of_column, different = encode(column)
        if number > 1 and len(different) > 1:
            pairs = pa.array(code.astype(np.int64) * len(different) + of_column).dictionary_encode()
            code, number = pairs.indices.to_numpy(), len(pairs.dictionary)
        elif len(different) > 1:
            code, number = of_column, len(different)
    return code, first_rows(code, number)


def first_rows(codes: np.ndarray, count: int) -> np.ndarray:
    """Return (count,) int64, the first place of each code, -1 for a code that does not occur."""
    first = np.full(count, -1, np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # the last assignment stands
    return first


def _cells(columns: tuple[str, ...], texts: list[pa.LargeStringArray], rows: np.ndarray) -> Iterator[dict[str, str]]:
    """Yield the cells of rows, with the columns given."""
    if not columns:
        yield from ({} for _ in rows)
    for start in range(0, len(rows), _PART):
        part = rows[start : start + _PART]
        for cells in zip(*(column.take(part).to_pylist() for column in texts), strict=True):
            yield dict(zip(columns, cells, strict=True))


def _bools(values: Any) -> np.ndarray:
    return values.to_numpy(zero_copy_only=False)
