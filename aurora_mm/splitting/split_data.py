"""A data root split into new ones, without images of one patient on two sides."""

from __future__ import annotations

import csv
import io
import logging
import os
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.logging import print_log

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.csv_files import read_root
from aurora_mm.challenge.csv_tables import read_rows
from aurora_mm.challenge.row_columns import Record
from aurora_mm.challenge.unread_columns import unread_columns
from aurora_mm.checking.across_images import duplicates, near_duplicates
from aurora_mm.checking.across_splits import groups_of_splits, images_without_group
from aurora_mm.checking.check_data import facts_of_images
from aurora_mm.data_root import DataRoot
from aurora_mm.datasets.split import split_indices
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.folders import whole_folder
from aurora_mm.splitting.folds import assign_folds
from aurora_mm.splitting.groups import Groups, keys_by_pattern
from aurora_mm.tasks import Task, TaskTable

_LINK = 'data'  # the folder in a new root that leads to the old one
_PATHS = ('image_path', 'mask_path')


class SplitReport(NamedTuple):
    """What was written.

    Args:
        rows: Number of rows of each task, by the folder of the new root.
        groups: Number of groups that were kept together.
        torn_before: Groups of several images that the old split tore apart; 0 for data that was not split.
    """

    rows: dict[str, Counter[str]]
    groups: int
    torn_before: int


def split_data(
    source: str | Path,
    out: str | Path,
    tasks: Sequence[Task | Mapping[str, Any]] = (),
    ratios: Mapping[str, float] | None = None,
    folds: int | None = None,
    leave_out: str | None = None,
    seed: int = 42,
    group_column: str | None = None,
    group_pattern: str | None = None,
    alike: bool = False,
    workers: int | None = None,
) -> SplitReport:
    """Writes CSV files of a new split; images stay where they are, and a link leads to them.

    Images of one group stay together: those with one value in the column ``group`` (or another), those whose paths
    have one thing in common by a pattern, and those that look alike. A group may be joined by several of these. What is
    doubtful about groups is logged: columns that look like the patient and are not read, images without a group beside
    others with one, and groups that are written alike.

    Args:
        source: A data root, split or not; an old split is forgotten.
        out: Folder to make: ``train``, ``val`` and ``test`` by ratios, ``fold_0`` ... with ``train`` and ``val`` in
            each, or ``without_<value>`` with the left out value as ``val``.
        tasks: Known tasks.
        ratios: Part of each side, 0.8 and 0.2 by default.
        folds: Number of folds, in place of ratios.
        leave_out: Column, such as a centre, each value of which is left out once, in place of ratios.
        seed: Another seed gives another split.
        group_column: See :class:`aurora_mm.datasets.FMCUIADataset`.
        group_pattern: Regular expression that finds a patient in the path of an image, as ``(patient\\d+)``.
        alike: Keep images together that have the same pixels or look alike.
        workers: Processes that look for alike images; None takes one for each processor.

    Raises:
        DataError: If there is no data root, or a row is wrong.
        ConfigError: If more than one kind of split is asked for, or it cannot be made.
    """
    if sum(choice is not None for choice in (ratios, folds, leave_out)) > 1:
        raise ConfigError('ask for one of ratios, folds and a column to leave out')
    root = DataRoot.find(source)
    source = Path(source).absolute()
    records, table, old_side = _read(root, tasks, group_column)
    _tell_doubtful_groups(root, records, group_column, group_pattern)
    groups = _groups(records, group_pattern, alike, workers)
    # Relative names, so that the split does not depend on where the data lies.
    names = [os.path.relpath(groups.of(record.img_path), source) for record in records]
    sides = _sides(records, table, names, ratios, folds, leave_out, seed)
    rows: dict[str, Counter[str]] = {}
    with whole_folder(Path(out).absolute()) as folder:
        for name, chosen in sides.items():
            if chosen:
                rows[name] = Counter(records[index].task for index in chosen)
                _write(folder / name, [records[index] for index in chosen], source)
    members: dict[str, set[str]] = {}
    for record in records:
        members.setdefault(groups.of(record.img_path), set()).add(old_side[record.img_path])
    return SplitReport(rows, len(members), sum(len(found) > 1 for found in members.values()))


def _read(
    source: DataRoot, tasks: Sequence[Task | Mapping[str, Any]], group_column: str | None
) -> tuple[list[Record], TaskTable, dict[str, str]]:
    table = TaskTable(tasks)
    records: list[Record] = []
    old_side: dict[str, str] = {}
    for side, folder in source.folders().items():
        index = read_root(folder, table, group_column=group_column)
        table = table.with_tasks(index.tasks.values())
        records += index.records
        old_side.update({record.img_path: side for record in index.records})
    return records, table, old_side


def _tell_doubtful_groups(
    source: DataRoot, records: Sequence[Record], group_column: str | None, pattern: str | None
) -> None:
    images_of: dict[str, list[str]] = {}
    for record in records:
        if record.group != record.image:
            images_of.setdefault(record.group, []).append(record.img_path)
    texts = [problem.message for problem in groups_of_splits({'': images_of})]
    if pattern is None:  # which finds something in every path
        rows = ((record.task, record.img_path, record.group != record.image) for record in records)
        texts += [problem.message for problem in images_without_group(rows)]
        texts += [text for folder in source.folders().values() for text in unread_columns(folder, group_column)]
    for text in texts:
        print_log(text, logger='current', level=logging.WARNING)


def _groups(records: Sequence[Record], pattern: str | None, alike: bool, workers: int | None) -> Groups:
    images = {record.img_path: record for record in records}
    groups = Groups(images)
    groups.join_by({path: record.group for path, record in images.items() if record.group != record.image})
    if pattern is not None:
        groups.join_by(keys_by_pattern(images, pattern))
    if alike:
        facts = facts_of_images(list(images), workers)
        nowhere = dict.fromkeys(images, '')
        for problem in (*duplicates(facts, nowhere), *near_duplicates(facts, nowhere)):
            groups.join(problem.images)
    return groups


def _sides(
    records: Sequence[Record],
    table: TaskTable,
    names: Sequence[str],
    ratios: Mapping[str, float] | None,
    folds: int | None,
    leave_out: str | None,
    seed: int,
) -> dict[str, list[int]]:
    """Return row numbers by the folder that they go to; ``names`` are the groups of the rows."""
    strata = [ANNOTATIONS[record.task_type].stratum(record.annotation) for record in records]
    if leave_out is not None:
        fold_of_row = _values(records, leave_out)
        _check_whole(names, fold_of_row, leave_out)
        labels = sorted(set(fold_of_row))
    elif folds is not None:
        rows_of: dict[str, Counter[Hashable]] = {}
        for name, record, stratum in zip(names, records, strata, strict=True):
            rows_of.setdefault(name, Counter())[record.task, stratum] += 1
        fold_of = assign_folds(rows_of, folds, seed)
        fold_of_row = [str(fold_of[name]) for name in names]
        labels = [str(fold) for fold in range(folds)]
    else:
        chosen = dict(train=0.8, val=0.2) if ratios is None else dict(ratios)
        return split_indices([record.task for record in records], names, strata, chosen, seed, list(table))
    prefix = 'fold' if leave_out is None else 'without'
    sides = {}
    for label in labels:
        sides[f'{prefix}_{label}/train'] = [row for row, fold in enumerate(fold_of_row) if fold != label]
        sides[f'{prefix}_{label}/val'] = [row for row, fold in enumerate(fold_of_row) if fold == label]
    return sides


def _values(records: Sequence[Record], column: str) -> list[str]:
    """A column's cell for each row; it names a folder, so other characters become ``_``.

    Raises:
        DataError: If a cell is empty, or two different cells would name one folder.
        ConfigError: If all cells are equal.
    """
    cells = {
        (str(row.file), row.line): row.cells for file in {r.csv_file for r in records} for row in read_rows(Path(file))
    }
    values = []
    text_of: dict[str, str] = {}
    for record in records:
        value = cells[record.csv_file, record.csv_row].get(column, '')
        if not value:
            raise DataError(f'column {column!r} is empty or missing', file=record.csv_file, row=record.csv_row)
        name = ''.join(c if c.isalnum() or c in '-_' else '_' for c in value)
        if (other := text_of.setdefault(name.casefold(), value)) != value:
            raise DataError(
                f'{value!r} and {other!r} in column {column!r} are too alike to name two folders',
                file=record.csv_file,
                row=record.csv_row,
            )
        values.append(name)
    if len(set(values)) < 2:
        raise ConfigError(f'column {column!r} has one value, so that nothing can be left out')
    return values


def _check_whole(names: Sequence[str], values: Sequence[str], column: str) -> None:
    value_of: dict[str, str] = {}
    for name, value in zip(names, values, strict=True):
        if value_of.setdefault(name, value) != value:
            raise DataError(f'images of the group of {name} have several values in column {column!r}')


def _write(folder: Path, records: Sequence[Record], source: Path) -> None:
    """A data root whose rows lead to the images through a link."""
    (folder / 'csv_files').mkdir(parents=True)
    (folder / _LINK).symlink_to(source)
    wanted: dict[Path, dict[int, str]] = {}  # types of the rows' tasks by line
    for record in records:
        wanted.setdefault(Path(record.csv_file), {})[record.csv_row] = record.task_type
    written: dict[str, tuple[list[str], list[dict[str, str]]]] = {}
    for file, lines in sorted(wanted.items()):
        move = partial(_path_through_link, os.path.relpath(file.parent.parent, source))
        for row in read_rows(file):
            if row.line in lines:
                cells = dict(row.cells)
                for column in _PATHS:
                    if cells.get(column, '').strip():
                        cells[column] = move(cells[column])
                cells |= ANNOTATIONS[lines[row.line]].moved_paths(cells, move)
                columns, rows = written.setdefault(file.name, ([], []))
                columns += [column for column in cells if column not in columns]
                rows.append(cells)
    for name, (columns, rows) in written.items():
        stream = io.StringIO()
        writer = csv.DictWriter(stream, columns, restval='', lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
        (folder / 'csv_files' / name).write_text(stream.getvalue(), encoding='utf-8')


def _path_through_link(below: str, path: str) -> str:
    """Return a path relative to the ``csv_files`` of a split for one relative to those of the data root ``below``."""
    return f'../{_LINK}/{os.path.normpath(f"{below}/csv_files/{path.strip()}")}'
