"""Data as people have it, written in the layout that training reads."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from rich.progress import track
from rich.table import Table

from aurora_mm.checking.across_splits import groups_of_splits
from aurora_mm.converters.files import FilePlacer
from aurora_mm.converters.fmc_writer import FmcWriter, tasks_config
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.folders import whole_folder
from aurora_mm.importing.checked_answers import with_checked_answers
from aurora_mm.importing.foreign_exports import foreign_export
from aurora_mm.importing.found import FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.layouts import LAYOUTS
from aurora_mm.importing.mapping import MAP_TEMPLATE, MappedLayout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.patients import hide_patients, new_group_key
from aurora_mm.importing.table_file import TABLE_SUFFIXES
from aurora_mm.importing.table_of_images import is_image_header
from aurora_mm.importing.tree import Tree
from aurora_mm.task_names import written_alike
from aurora_mm.tasks import TaskTable

_SPLITS = ('train', 'val', 'test', '')


def find_tasks(
    source: str | Path,
    options: ImportOptions | None = None,
    mapping: str | Path | list[dict[str, Any]] | None = None,
) -> tuple[Layout, list[FoundTask]]:
    """Finds out how a folder is laid out, and what is in it.

    Args:
        source: The folder.
        options: What the folder leaves open.
        mapping: What describes a folder of no known layout: a file, or its content, see
            :mod:`aurora_mm.importing.mapping`.

    Returns:
        The layout, and its tasks.

    Raises:
        DataError: If it is no known layout; the message says what was seen and how to describe it.
        ConfigError: If an option is given that the layout does not read.
    """
    tree = Tree(Path(source))
    layouts = LAYOUTS if mapping is None else (_mapped(mapping),)
    layout = next((layout for layout in layouts if layout.matches(tree)), None)
    if layout is None:
        if (foreign := foreign_export(tree)) is not None:
            raise DataError(foreign, file=source)
        known = ', '.join(layout.name for layout in LAYOUTS)
        raise DataError(
            f'is laid out in no way that is known ({known}). It holds\n{tree.summary()}\n{_hint_of_table(tree)}'
            f'Describe it in a file and give it by --map:\n{MAP_TEMPLATE}',
            file=source,
        )
    options = options or ImportOptions()
    if unread := [name for name in options.given if name not in layout.options]:
        raise ConfigError(
            f'{source}: --{unread[0].replace("_", "-")} has no effect on this folder, whose layout is {layout.name}; '
            'leave it out'
        )
    found = [with_checked_answers(task) for task in layout.find(tree, options) if task.rows]
    if not found:
        raise DataError(f'looks like {layout.name}, but no image has a label', file=source)
    check_splits(found)
    _check_names(found, source)
    if tables := [] if layout.reads_tables else tree.ending(*TABLE_SUFFIXES):
        text = f'{tables[0]}{f" and {len(tables) - 1} more tables" if len(tables) > 1 else ""}: not read'
        hint = 'if it holds labels, patients or splits, --map reads them (docs/data.md)'
        tree.warn(f'{text}; {hint}')
    return layout, found


def without_lone_split(found: Sequence[FoundTask]) -> list[FoundTask]:
    """Return tasks whose images are all of the split ``train`` as tasks that are not split, and others as they are.

    Tools export data that was never split in a folder ``train``, and a training needs images to validate on.
    """
    if {row.split for item in found for row in item.rows} != {'train'}:
        return list(found)
    text = 'all images are in the split train; they are taken as data that was not split, which training splits'
    print_log(text, logger='current', level=logging.WARNING)
    return [replace(item, rows=[replace(row, split='') for row in item.rows]) for item in found]


def table_of(found: Sequence[FoundTask]) -> Table:
    """A table of what would be written."""
    table = Table('task', 'type', 'outputs', 'train', 'val', 'test', 'not split', 'groups')
    for item in found:
        counts = Counter(row.split for row in item.rows)
        groups = {row.group for row in item.rows if row.group}
        names = ', '.join(item.task.output_names[:5]) + (' ...' if item.task.num_outputs > 5 else '')
        numbers = [str(counts[split]) if counts[split] else '' for split in _SPLITS]
        table.add_row(item.task.name, item.task.type, names, *numbers, str(len(groups)) if groups else '')
    return table


def write_tasks(
    found: Sequence[FoundTask],
    out: str | Path,
    link: bool = False,
    group_key: bytes | None = None,
) -> dict[str, int]:
    """Writes tasks as a data root in the FMC-UIA layout, with ``tasks.py`` for the names of classes.

    Data that was split becomes ``train/``, ``val/`` and ``test/``; other data one root that is split in training. A
    warning names groups that the splits divide, and those that are written alike.

    Args:
        found: The tasks.
        out: Folder to make; it appears when all is written.
        link: Make symbolic links to the images instead of copies. Cropped images and DICOM images are always written.
        group_key: Key of the groups of DICOM images, which are written without what their headers say about patients,
            see :func:`aurora_mm.importing.patients.hide_patients`. None for a random key, which nobody knows.

    Returns:
        The number of rows of each task.

    Raises:
        DataError: If an image or a label cannot be read, or two files would become one.
    """
    found = hide_patients(found, group_key or new_group_key())
    _tell_doubtful_groups(found)
    written: Counter[str] = Counter()
    with whole_folder(Path(out).absolute()) as folder:
        writers: dict[str, FmcWriter] = {}
        for item in found:
            for row in track(item.rows, f'Importing {item.task.name}'):
                answer = row.answer()
                if answer is None:
                    continue
                writer = writers.setdefault(row.split, FmcWriter(folder / row.split, link))
                pixels = None if row.pixels is None else row.pixels()
                writer.add(item.task, row.image, row.path, answer, None, row.group, pixels, row.columns)
                written[item.task.name] += 1
            for tell in item.when_read:
                tell()
            if not written[item.task.name]:
                raise DataError(f'task {item.task.name!r}: no image is left')
        TaskTable(item.task for item in found)
        for writer in writers.values():
            writer.finish()
        FilePlacer(folder, link=False).write_text('tasks.py', tasks_config([item.task for item in found]))
    return dict(written)


def _tell_doubtful_groups(found: Sequence[FoundTask]) -> None:
    images_of: dict[str, dict[str, dict[str, None]]] = {}
    for row in (row for item in found for row in item.rows if row.group):
        images_of.setdefault(row.split, {}).setdefault(row.group, {})[str(row.image)] = None
    groups = {split: {group: list(paths) for group, paths in some.items()} for split, some in images_of.items()}
    for problem in groups_of_splits(groups):
        print_log(problem.message, logger='current', level=logging.WARNING)


def _hint_of_table(tree: Tree) -> str:
    """Return a line about the only table of a folder, which no layout reads because it names no images."""
    tables = tree.ending(*TABLE_SUFFIXES)
    if len(tables) != 1 or not tree.images:
        return ''
    table = tree.table(tables[0])
    column = next((column for column in table.columns if is_image_header(column)), table.columns[0])
    cells = [row.cells[column] for row in table.rows if row.cells[column]]
    example = f'column {column!r} holds {cells[0]!r}' if cells else f'column {column!r} is blank'
    return (
        f'No column of {tables[0]} names images in half of its rows: {example}, and images are called as '
        f'{str(tree.images[0])!r}. Names are paths below the folder or the ends of them, with all zeros.\n'
    )


def check_splits(found: Sequence[FoundTask]) -> None:
    """Check that all images lie in a split if one does.

    Raises:
        DataError: If one does not.
    """
    splits = {row.split for item in found for row in item.rows}
    if '' in splits and len(splits) > 1:
        row = next(row for item in found for row in item.rows if not row.split)
        raise DataError(
            f'lies in no split, but other images are split into {", ".join(sorted(splits - {""}))}', file=row.image
        )


def _check_names(found: Sequence[FoundTask], source: str | Path) -> None:
    try:
        TaskTable(item.task for item in found)
    except ConfigError as error:
        raise DataError(
            f'holds folders, columns or questions of which names of tasks are alike: {error}', file=source
        ) from error
    for item in found:
        if pair := written_alike(item.task.output_names):
            raise DataError(
                f'{item.task.task_type.outputs} {pair[0]!a} and {pair[1]!a} of task {item.task.name!r} differ '
                'in capitals, spaces, signs, zeros or the form of their letters alone; write them in one way',
                file=source,
            )


def _mapped(mapping: str | Path | list[dict[str, Any]]) -> MappedLayout:
    return MappedLayout(mapping, 'map') if isinstance(mapping, list) else MappedLayout.from_file(Path(mapping))
