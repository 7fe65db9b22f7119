"""Conversion of masks with other values to masks of class indices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.progress import track

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.converters.files import FilePlacer, path_under_root
from aurora_mm.converters.fmc_source import read_splits
from aurora_mm.converters.fmc_writer import FmcWriter, tasks_config
from aurora_mm.converters.mask_values import check_mask_values, to_class_indices
from aurora_mm.datasets.masks import read_mask_values
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.folders import whole_folder
from aurora_mm.images.image_header import BadImage
from aurora_mm.tasks import Task


def index_masks(
    data_root: str | Path,
    out: str | Path,
    mask_values: Sequence[int],
    tasks: Sequence[Task | dict[str, Any]] = (),
    include: Sequence[str] | None = None,
    link: bool = False,
) -> list[Task]:
    """Copy a data root, and convert the values of masks to class indices.

    Args:
        data_root: Data in the FMC-UIA layout.
        out: Folder to create, atomically. It has the same folders of splits as ``data_root``.
        mask_values: Value of each class in the masks, the background first, such as 0 and 255.
        tasks: Known tasks, for the names of classes and points.
        include: Names of the segmentation tasks whose masks are converted. They must have one class per value. By
            default all segmentation tasks with this number of classes.
        link: Whether to create symbolic links to the images instead of copies.

    Returns:
        All tasks of the data.

    Raises:
        DataError: If the data is not valid, a mask cannot be read, or has a value that is not in ``mask_values``.
        ConfigError: If there is no such task, or ``mask_values`` does not have one value per class.
        OutputError: If ``out`` is not empty or cannot be written.
    """
    root = Path(data_root)
    datasets = read_splits(root, tasks, None, whole=['all'])
    table = next(iter(datasets.values())).tasks
    if include is None:
        changed = {task.name for task in table.of_type('segmentation') if task.num_outputs == len(mask_values)}
    else:
        if unknown := [name for name in include if name not in table or table[name].type != 'segmentation']:
            raise ConfigError(f'no segmentation task {unknown[0]!r}; tasks are {", ".join(table.nearest(unknown[0]))}')
        changed = set(include)
    if not changed:
        raise ConfigError(f'no segmentation task has {len(mask_values)} classes')
    for name in changed:
        check_mask_values(mask_values, table[name])
    with whole_folder(Path(out).absolute()) as folder:
        for split, dataset in datasets.items():
            writer = FmcWriter(folder / ('' if split == 'all' else split), link)
            for index in track(range(len(dataset)), f'Masks: {split}'):
                row = dataset.get_data_info(index)
                task = table[row['task']]
                answer = _answer(row, mask_values if task.name in changed else None)
                writer.add(task, row['img_path'], path_under_root(row['image_path']), answer, row.get('mask_path'))
            writer.finish()
        FilePlacer(folder, link=False).write_text('tasks.py', tasks_config(list(table.values())))
    return list(table.values())


def _answer(row: dict[str, Any], mask_values: Sequence[int] | None) -> dict[str, Any]:
    if 'seg_map_path' not in row:
        return {key: row[key] for key in ANNOTATIONS[row['task_type']].keys if key in row}
    try:
        values, orientation = read_mask_values(row['seg_map_path'])
        if orientation != 1:
            raise BadImage('is stored turned by its EXIF data; save it upright')
        return dict(mask=values if mask_values is None else to_class_indices(values, mask_values))
    except BadImage as bad:
        raise DataError(f'mask {row["seg_map_path"]} {bad}', file=row['csv_file'], row=row['csv_row']) from bad
