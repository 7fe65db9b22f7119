"""Conversion of FMC-UIA data to COCO data sets.

The result is a folder with ``images/<split>/`` and, for each task and split, ``annotations/<task>_<split>.json``. Each
task has its own file, because images are only labelled for some tasks, and COCO treats images without annotations as
images without objects. Boxes, masks (one RLE per class) and points (``keypoints``) keep their coordinates: COCO's boxes
are xywh in pixels, with x = 0 at the left edge of the first pixel as in this package. COCO cannot represent
classification tasks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aurora_mm.converters.coco_kinds import COCO_KINDS
from aurora_mm.converters.coco_task import TASK_KEY
from aurora_mm.converters.files import FilePlacer, path_under_root
from aurora_mm.converters.fmc_source import labelled_rows, read_splits
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.folders import whole_folder
from aurora_mm.tasks import Task


def fmc_to_coco(
    data_root: str | Path,
    out: str | Path,
    tasks: Sequence[Task | dict[str, Any]] = (),
    include: Sequence[str] | None = None,
    link: bool = False,
) -> list[Task]:
    """Convert the segmentation, detection and landmark tasks of a data root to COCO data sets.

    Args:
        data_root: Data in the FMC-UIA layout.
        out: Folder to create, atomically.
        tasks: Known tasks, for the names of classes and points.
        include: Names of the tasks to convert. By default all that COCO can represent.
        link: Whether to create symbolic links to the images instead of copies.

    Returns:
        The converted tasks.

    Raises:
        DataError: If the data is not valid, or has no such task.
        ConfigError: If ``include`` has a task that does not exist or that COCO cannot represent.
        OutputError: If ``out`` is not empty or cannot be written.
    """
    datasets = read_splits(data_root, tasks, include)
    table = next(iter(datasets.values())).tasks
    chosen = [task for task in table.values() if include is None or task.name in include]
    fitting = [task for task in chosen if task.type in COCO_KINDS]
    if include is not None and len(fitting) < len(chosen):
        raise ConfigError(f'COCO cannot hold {", ".join(f"{t.name} ({t.type})" for t in chosen if t not in fitting)}')
    if not fitting:
        raise DataError('no segmentation, detection or landmark task to convert', file=data_root)
    written = []
    with whole_folder(Path(out).absolute()) as folder:
        placer = FilePlacer(folder, link)
        for task in fitting:
            files: dict[str, dict[str, Any]] = {}
            for split, row in labelled_rows(datasets, task, 'to COCO'):
                path = path_under_root(row['image_path'])
                placer.place(row['img_path'], f'images/{split}/{path}')
                _append(files.setdefault(split, _empty_file(task)), task, path, row)
            for split, content in files.items():
                placer.write_text(f'annotations/{task.name}_{split}.json', json.dumps(content))
            if files:
                written.append(task)
    return written


def _empty_file(task: Task) -> dict[str, Any]:
    return dict(
        info={TASK_KEY: task.to_config()}, images=[], categories=COCO_KINDS[task.type].categories(task), annotations=[]
    )


def _append(content: dict[str, Any], task: Task, path: str, row: dict[str, Any]) -> None:
    """Add the image and the annotations of a row to the content of a COCO file."""
    height, width = row['ori_shape']
    image_id = len(content['images']) + 1
    image = dict(id=image_id, file_name=path, height=height, width=width)
    if 'mask_path' in row:
        image['mask_path'] = row['mask_path']
    content['images'].append(image)
    for annotation in COCO_KINDS[task.type].annotations(row):
        number = len(content['annotations']) + 1
        content['annotations'].append(dict(id=number, image_id=image_id, iscrowd=0) | annotation)
