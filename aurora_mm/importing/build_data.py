"""The tasks of several sources, put together by a recipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.image_files import read_data
from aurora_mm.images.image_header import read_header
from aurora_mm.images.reading import read_image
from aurora_mm.images.shared_channels import without_equal_channels
from aurora_mm.images.sources import split_source
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.import_data import check_splits, find_tasks
from aurora_mm.importing.recipe import Recipe, RecipeSource
from aurora_mm.importing.selection import select_images

SOURCE_COLUMN = 'source'
"""Column of the CSV files: the name of the source of an image."""


def find_recipe_tasks(recipe: Recipe, folders: Mapping[str, Path]) -> list[FoundTask]:
    """Find the tasks of a recipe in the folders of its sources.

    A task of one name in several sources becomes one task. Paths and groups get the name of the source in front, so
    that those of two sources never meet, and the column :data:`SOURCE_COLUMN` names the source.

    Args:
        recipe: The recipe.
        folders: The folder of each source by its name.

    Returns:
        The tasks, for :func:`aurora_mm.importing.import_data.write_tasks`.

    Raises:
        ConfigError: If a folder is missing or belongs to no source, a source has no task of a name that the recipe
            takes, or sources disagree about a task.
        DataError: If a source is laid out in another way or lacks an image, or a task has another number of rows than
            the recipe says.
    """
    _check_folders(recipe, folders)
    joined: dict[str, FoundTask] = {}
    for source in recipe.sources:
        for item in _find_source(source, folders[source.name]):
            known = joined.setdefault(item.task.name, FoundTask(item.task))
            if known.task != item.task:
                raise ConfigError(
                    f'source {source.name!r} has task {item.task.name!r} as {item.task.to_config()}, but a source '
                    f'before it as {known.task.to_config()}'
                )
            known.rows.extend(item.rows)
            known.when_read.extend(item.when_read)
    found = list(joined.values())
    check_splits(found)
    _check_rows(found, recipe.rows)
    return found


def _check_folders(recipe: Recipe, folders: Mapping[str, Path]) -> None:
    names = {source.name for source in recipe.sources}
    if unknown := sorted(set(folders) - names):
        raise ConfigError(f'the recipe has no source {unknown[0]!r}; its sources are {", ".join(sorted(names))}')
    missing = [source for source in recipe.sources if source.name not in folders]
    if missing:
        listed = '\n'.join(f'  {source.name}: {source.about}' for source in missing)
        raise ConfigError(f'folders of these sources are missing (--source NAME=FOLDER):\n{listed}')


def _find_source(source: RecipeSource, folder: Path) -> list[FoundTask]:
    """Return the tasks of a source that the recipe takes, with the rows that it takes."""
    layout, found = find_tasks(folder, source.options, source.map)
    if source.layout not in (None, layout.name):
        raise DataError(f'is laid out as {layout.name}, but source {source.name!r} is {source.layout}', file=folder)
    if source.tasks is not None:
        names = [item.task.name for item in found]
        if unknown := [name for name in source.tasks if name not in names]:
            raise ConfigError(f'source {source.name!r} has no task {unknown[0]!r}; it has {", ".join(names)}')
        found = [item for item in found if item.task.name in source.tasks]
    if source.images is not None:
        found = select_images(found, source.images, folder, source.name)
    return [replace(item, rows=[_of_source(row, source) for row in item.rows]) for item in found]


def _of_source(row: FoundRow, source: RecipeSource) -> FoundRow:
    row = replace(
        row,
        path=f'{source.name}/{row.path}',
        group=f'{source.name}/{row.group}' if row.group else '',
        columns=row.columns | {SOURCE_COLUMN: source.name},
    )
    if not source.grey or _is_grey_png(row):
        return row
    file, frame = split_source(row.path)
    end = '' if frame is None else f'_{frame:05d}'
    path = f'{file.with_suffix("").as_posix()}{end}.png'
    return replace(row, path=path, pixels=partial(_grey_pixels, row))


def _is_grey_png(row: FoundRow) -> bool:
    """Return whether the image of a row is a file that can be taken as it is."""
    if row.pixels is not None or not row.path.lower().endswith('.png'):
        return False
    with naming(row.image):
        header = read_header(read_data(row.image))
    return (header.format, header.mode, header.bits, header.orientation) == ('PNG', 'L', 8, 1)


def _grey_pixels(row: FoundRow) -> np.ndarray:
    """Return (H, W) uint8; colours become their luma by ITU-R BT.601."""
    if row.pixels is not None:
        pixels = row.pixels()
    else:
        with naming(row.image):
            pixels = read_image(row.image).pixels
    pixels = without_equal_channels(pixels)
    return pixels if pixels.ndim == 2 else cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_BGR2GRAY)


def _check_rows(found: Sequence[FoundTask], rows: Mapping[str, Mapping[str, int]]) -> None:
    """Check the numbers of rows, some of which are known only when their labels are read."""
    for item in found if rows else ():
        counts = Counter(row.split for row in item.rows if row.answer() is not None)
        if dict(counts) != dict(rows.get(item.task.name, {})):
            raise DataError(
                f'task {item.task.name!r} would have {dict(counts)} rows, but the recipe says '
                f'{dict(rows.get(item.task.name, {}))}: a source is not the one that the recipe was made for'
            )
    if missing := set(rows) - {item.task.name for item in found}:
        raise DataError(f'no source has task {min(missing)!r}, of which the recipe counts rows')
