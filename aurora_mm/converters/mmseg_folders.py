"""FMC-UIA segmentation tasks as data sets in mmseg's layout, and back.

The mmseg side has a folder for each task: ``img_dir/<split>/`` and ``ann_dir/<split>/`` hold PNG files of the same
names, ``<split>.txt`` lists the names (mmseg's ``ann_file``), ``task.json`` the names of the classes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.progress import track

from aurora_mm.converters.files import FilePlacer, check_relative, path_under_root, read_json
from aurora_mm.converters.fmc_source import labelled_rows, read_splits
from aurora_mm.converters.fmc_writer import FmcWriter, tasks_config
from aurora_mm.datasets.masks import read_mask
from aurora_mm.datasets.split import SIDES
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.files import whole_folder
from aurora_mm.tasks import Task


def fmc_to_mmseg(
    data_root: str | Path,
    out: str | Path,
    tasks: Sequence[Task | dict] = (),
    include: Sequence[str] | None = None,
    link: bool = False,
) -> list[Task]:
    """Writes each segmentation task of a data root as a data set that ``mmseg.BaseSegDataset`` reads.

    Args:
        data_root: In the FMC-UIA layout. out: Folder to make; it appears when all is written.
        tasks: Known tasks, for their names. include: The tasks to convert; all of the type by default.
        link: Make symbolic links to the files instead of copies.

    Returns:
        The tasks that were written.

    Raises:
        DataError: For bad data, or if there is no segmentation task.
        ConfigError: If ``include`` names a task that is not there or of another type.
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
                    (folder / task.name / f'{split}.txt').write_text('\n'.join(listed) + '\n')
                (folder / task.name / 'task.json').write_text(json.dumps(task.to_config(), indent=2))
                written.append(task)
    return written


def mmseg_to_fmc(
    source: str | Path,
    out: str | Path,
    name: str | None = None,
    classes: Sequence[str] | None = None,
    link: bool = False,
) -> list[Task]:
    """Writes mmseg data sets as one data root with ``train/``, ``val/`` ... and a list of its tasks.

    Args:
        source: Folder of one data set (with ``ann_dir/``), or of several that :func:`fmc_to_mmseg` has written.
        out: Folder to make; it appears when all is written.
        name, classes: Of the task, background first, where there is no ``task.json``.
        link: Make symbolic links to the images instead of copies.

    Returns:
        The tasks that were written.

    Raises:
        DataError: If there is no data set, a mask cannot be read or has a value that is no class, an image is missing.
        ConfigError: If the name or the classes of a task are not known.
    """
    source = Path(source)
    folders = [source] if (source / 'ann_dir').is_dir() else sorted(path.parent for path in source.glob('*/ann_dir'))
    if not folders:
        raise DataError('no data set in mmseg layout: neither ann_dir/ nor */ann_dir/ in this folder', file=source)
    tasks = [_read_task(folder, name, classes) for folder in folders]
    with whole_folder(Path(out).absolute()) as target:
        for split in SIDES:
            writer = FmcWriter(target / split, link)
            parts = [(f, t) for f, t in zip(folders, tasks, strict=True) if (f / 'ann_dir' / split).is_dir()]
            for folder, task in parts:
                images = _images_by_stem(folder, split)
                for stem in track(_listed(folder, split), f'to FMC-UIA: {task.name} {split}'):
                    if len(found := images.get(stem, [])) != 1:
                        place = folder / 'img_dir' / split / stem
                        raise DataError(f'{len(found)} images named {place}.*; there must be one', file=folder)
                    path = found[0].relative_to(folder / 'img_dir' / split).as_posix()
                    writer.add(task, found[0], path, dict(mask=_read_mask(folder, split, stem, task)))
            if parts:
                writer.finish()
        (target / 'tasks.py').write_text(tasks_config(tasks))
    return tasks


def _read_task(folder: Path, name: str | None, classes: Sequence[str] | None) -> Task:
    if (folder / 'task.json').is_file():
        return Task(**read_json(folder / 'task.json'))
    if name is None or classes is None:
        raise ConfigError(f'{folder} has no task.json: give the name of the task and its classes, background first')
    return Task(name, 'segmentation', classes=tuple(classes))


def _listed(folder: Path, split: str) -> list[str]:
    """Names of a split's images without suffix, in the order of its list where there is one."""
    listing = folder / f'{split}.txt'
    if listing.is_file():
        return [check_relative(line.strip(), listing) for line in listing.read_text().splitlines() if line.strip()]
    masks = folder / 'ann_dir' / split
    return sorted(path.relative_to(masks).with_suffix('').as_posix() for path in masks.rglob('*.png'))


def _images_by_stem(folder: Path, split: str) -> dict[str, list[Path]]:
    """The image files of a split by their names without suffix, as masks are named."""
    images = folder / 'img_dir' / split
    found: dict[str, list[Path]] = {}
    for path in images.rglob('*.*'):
        if path.is_file():
            found.setdefault(path.relative_to(images).with_suffix('').as_posix(), []).append(path)
    return found


def _read_mask(folder: Path, split: str, stem: str, task: Task):
    file = folder / 'ann_dir' / split / f'{stem}.png'
    mask = read_mask(file)
    if mask is None or mask.ndim != 2:
        raise DataError('no mask of one channel', file=file)
    if mask.max() >= task.num_outputs:
        raise DataError(f'value {mask.max()}, but {task.name!r} has classes 0..{task.num_outputs - 1}', file=file)
    return mask
