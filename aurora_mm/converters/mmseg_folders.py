"""Conversion of segmentation tasks between the FMC-UIA layout and mmseg's layout.

In mmseg's layout, each task has a folder. ``img_dir/<split>/`` and ``ann_dir/<split>/`` contain PNG files with the same
names, ``<split>.txt`` is the list of names (mmseg's ``ann_file``), and ``task.json`` contains the names of the classes.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from rich.markup import escape
from rich.progress import track

from aurora_mm.converters.files import FilePlacer, check_relative, path_under_root
from aurora_mm.converters.fmc_source import labelled_rows, read_splits
from aurora_mm.converters.fmc_writer import FmcWriter, tasks_config
from aurora_mm.converters.mask_values import check_mask_values, to_class_indices
from aurora_mm.converters.splits import SPLIT_NAMES, split_of
from aurora_mm.datasets.masks import read_class_indices, read_mask_values
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.folders import whole_folder
from aurora_mm.images.image_faults import naming
from aurora_mm.images.image_files import read_shape
from aurora_mm.json_files import read_json
from aurora_mm.tasks import Task, TaskTable


def fmc_to_mmseg(
    data_root: str | Path,
    out: str | Path,
    tasks: Sequence[Task | dict[str, Any]] = (),
    include: Sequence[str] | None = None,
    link: bool = False,
) -> list[Task]:
    """Convert each segmentation task of a data root to a data set for ``mmseg.BaseSegDataset``.

    Args:
        data_root: Data in the FMC-UIA layout.
        out: Folder to create, atomically.
        tasks: Known tasks, for the names of classes.
        include: Names of the tasks to convert. By default all segmentation tasks.
        link: Whether to create symbolic links to the files instead of copies.

    Returns:
        The converted tasks.

    Raises:
        DataError: If the data is not valid, has no segmentation task, or two images only differ in their suffix.
        ConfigError: If ``include`` has a task that does not exist or has another type.
        OutputError: If ``out`` is not empty or cannot be written.
    """
    datasets = read_splits(data_root, tasks, include)
    table = next(iter(datasets.values())).tasks
    wanted = table.of_type('segmentation') if include is None else [table[name] for name in include]
    if other := [task.name for task in wanted if task.type != 'segmentation']:
        raise ConfigError(f'mmseg folders hold segmentation tasks, not {", ".join(other)}')
    if not wanted:
        raise DataError('no segmentation task to convert', file=data_root)
    written = []
    with whole_folder(Path(out).absolute()) as folder:
        for task in wanted:
            placer = FilePlacer(folder / task.name, link)
            names: dict[str, list[str]] = {}
            for split, row in labelled_rows(datasets, task, 'to mmseg'):
                name = Path(path_under_root(row['image_path'])).with_suffix('').as_posix()
                placer.place_png(row['img_path'], f'img_dir/{split}/{name}.png')
                placer.place_mask(row['seg_map_path'], f'ann_dir/{split}/{name}.png', row['gt_seg_map'])
                names.setdefault(split, []).append(name)
            if names:
                for split, listed in names.items():
                    placer.write_text(f'{split}.txt', '\n'.join(listed) + '\n')
                placer.write_text('task.json', json.dumps(task.to_config(), indent=2))
                written.append(task)
    return written


def mmseg_to_fmc(
    source: str | Path,
    out: str | Path,
    name: str | None = None,
    classes: Sequence[str] | None = None,
    link: bool = False,
    mask_values: Sequence[int] | None = None,
) -> list[Task]:
    """Convert data sets in mmseg's layout to one data root with ``train/``, ``val/``, ... and a task list ``tasks.py``.

    Args:
        source: Folder of one data set, with ``ann_dir/``, or of several that :func:`fmc_to_mmseg` wrote. The folders in
            ``ann_dir`` must be named after splits, such as train, training, val, valid, validation or test.
        out: Folder to create, atomically.
        name: Name of the task, used if there is no ``task.json``.
        classes: Names of the classes, the background first, used if there is no ``task.json``.
        link: Whether to create symbolic links to the images instead of copies.
        mask_values: Value of each class in the masks, the background first. None if values are class indices.

    Returns:
        The converted tasks.

    Raises:
        DataError: If there is no data set, a mask cannot be read, has a value that is not a class or not the size of
            its image, an image is missing, or a folder is not named after a split.
        ConfigError: If the name or the classes of a task are unknown or not valid.
        OutputError: If ``out`` is not empty or cannot be written.
    """
    source = Path(source)
    folders = [source] if (source / 'ann_dir').is_dir() else sorted(path.parent for path in source.glob('*/ann_dir'))
    if not folders:
        raise DataError('no data set in mmseg layout: neither ann_dir/ nor */ann_dir/ in this folder', file=source)
    tasks = [_read_task(folder, name, classes) for folder in folders]
    TaskTable(tasks)
    with whole_folder(Path(out).absolute()) as target:
        writers: dict[str, FmcWriter] = {}
        for folder, task in zip(folders, tasks, strict=True):
            if mask_values is not None:
                check_mask_values(mask_values, task)
            for split, written in _splits(folder):
                writer = writers.setdefault(split, FmcWriter(target / split, link))
                _add_rows(writer, folder, written, task, mask_values)
        for writer in writers.values():
            writer.finish()
        FilePlacer(target, link=False).write_text('tasks.py', tasks_config(tasks))
    return tasks


def _add_rows(writer: FmcWriter, folder: Path, split: str, task: Task, mask_values: Sequence[int] | None) -> None:
    images = _images_by_stem(folder, split)
    listed = _listed(folder, split)
    for stem in track(listed, escape(f'to FMC-UIA: {task.name} {split}')):
        if len(found := images.get(stem, [])) != 1:
            place = folder / 'img_dir' / split / stem
            raise DataError(f'{len(found)} images named {place}.*; there must be one', file=folder)
        mask_file = folder / 'ann_dir' / split / f'{stem}.png'
        mask = _read_mask(mask_file, found[0], task, mask_values)
        writer.add(task, found[0], found[0].relative_to(folder / 'img_dir' / split).as_posix(), dict(mask=mask))
    if without := sorted(images.keys() - set(listed)):
        print_log(
            f'{folder / "img_dir" / split}: {len(without)} images without a mask or not listed were left out, '
            f'{without[0]!r} among them',
            logger='current',
            level=logging.WARNING,
        )


def _splits(folder: Path) -> list[tuple[str, str]]:
    """Return the splits in ``ann_dir``, each with the name of its folder.

    Raises:
        DataError: If there is no folder, or a file or folder that is not named after a split.
    """
    found = []
    for path in sorted((folder / 'ann_dir').iterdir()):
        if path.name.startswith('.'):
            continue
        split = split_of(path.name) if path.is_dir() else None
        if split is None:
            raise DataError(f'is no folder of a split: {SPLIT_NAMES}', file=path)
        found.append((split[0], path.name))
    if not found:
        raise DataError('no folder of a split', file=folder / 'ann_dir')
    return found


def _read_task(folder: Path, name: str | None, classes: Sequence[str] | None) -> Task:
    file = folder / 'task.json'
    if file.is_file():
        try:
            task = Task.from_config(read_json(file))
        except ConfigError as error:
            raise DataError(str(error), file=file) from error
        if task.type != 'segmentation':
            raise DataError(f'task {task.name!r} is of type {task.type!r}, not segmentation', file=file)
        return task
    if name is None or classes is None:
        raise ConfigError(f'{folder} has no task.json: give the name of the task and its classes, background first')
    return Task(name, 'segmentation', classes=tuple(classes))


def _listed(folder: Path, split: str) -> list[str]:
    """Return the names of a split's images without suffix, from its list or else from the folder of masks.

    Raises:
        DataError: If the list cannot be read or has a name twice, or the folder contains other files than PNG files.
    """
    listing = folder / f'{split}.txt'
    if listing.is_file():
        try:
            lines = listing.read_text(encoding='utf-8-sig').splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f'cannot be read as UTF-8 ({error})', file=listing) from error
        names = [check_relative(line.strip(), listing) for line in lines if line.strip()]
        if len(set(names)) != len(names):
            raise DataError(f'lists {next(n for n in names if names.count(n) > 1)!r} twice', file=listing)
        return names
    masks = folder / 'ann_dir' / split
    names = []
    for path in sorted(masks.rglob('*')):
        if path.is_file() and not path.name.startswith('.'):
            if path.suffix != '.png':
                raise DataError("is no mask: their names end with '.png'", file=path)
            names.append(path.relative_to(masks).with_suffix('').as_posix())
    return names


def _images_by_stem(folder: Path, split: str) -> dict[str, list[Path]]:
    """Return the image files of a split by their names without suffix, which are the names of the masks."""
    images = folder / 'img_dir' / split
    found: dict[str, list[Path]] = {}
    for path in sorted(images.rglob('*.*')):
        if path.is_file() and not path.name.startswith('.'):
            found.setdefault(path.relative_to(images).with_suffix('').as_posix(), []).append(path)
    return found


def _read_mask(file: Path, image: Path, task: Task, mask_values: Sequence[int] | None) -> np.ndarray:
    with naming(file, 'mask'):
        if mask_values is None:
            mask, orientation = read_class_indices(file, task.num_outputs, task.name)
        else:
            values, orientation = read_mask_values(file)
            mask = to_class_indices(values, mask_values)
    with naming(image):
        shape, image_orientation = read_shape(image)
    if (shape, image_orientation) != (mask.shape, orientation):
        raise DataError(
            f'this mask has (height, width) {mask.shape} in orientation {orientation}, its image {image} {shape} in '
            f'orientation {image_orientation}',
            file=file,
        )
    return mask
