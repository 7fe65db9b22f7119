"""Writes data sets of phantoms in the FMC-UIA layout."""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.csv_tables import COMMON_COLUMNS
from aurora_mm.errors import ConfigError
from aurora_mm.folders import require_new_folder, whole_folder
from aurora_mm.images.pixel_spacing import SPACING_COLUMN, spacing_text
from aurora_mm.phantoms.classification_scene import ClassificationScene
from aurora_mm.phantoms.detection_scene import DetectionScene
from aurora_mm.phantoms.landmark_scene import LandmarkScene
from aurora_mm.phantoms.multi_box_scene import MultiBoxScene
from aurora_mm.phantoms.multi_label_scene import MultiLabelScene
from aurora_mm.phantoms.overlap_scene import OverlapScene
from aurora_mm.phantoms.scanner import DEMO_SCANNER, Scanner
from aurora_mm.phantoms.scene import Scene
from aurora_mm.phantoms.segmentation_scene import SegmentationScene
from aurora_mm.phantoms.value_scene import ValueScene
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task, TaskTable
from aurora_mm.worker_pool import worker_pool

SCENES: ByTaskType[type[Scene]] = ByTaskType('phantom')
"""The scene of each task type."""
SCENES.update(
    segmentation=SegmentationScene,
    classification=ClassificationScene,
    detection=DetectionScene,
    landmark=LandmarkScene,
    multi_object_detection=MultiBoxScene,
    scalar_regression=ValueScene,
    multi_label_classification=MultiLabelScene,
    multi_label_segmentation=OverlapScene,
)

SPLITS = ('train', 'val')

SCANNER_COLUMN = 'scanner'
"""Column of the CSV files with the name of the scanner."""

Row = dict[str, str | int]


def make_scene(task: Task) -> Scene:
    """Create the scene that draws the phantoms of a task.

    Args:
        task: The task.

    Raises:
        ConfigError: If there is no scene for the task type, or it cannot show so many classes.
    """
    return SCENES[task.type](task)


@dataclass(frozen=True)
class _Job:
    """One image to write: number ``index`` of ``task`` by a scanner in the data set under ``root``."""

    root: Path
    task: Task
    split: str
    index: int
    seed: int
    scanner: Scanner


def _write_png(root: Path, path: str, image: np.ndarray) -> str:
    """Write an image at a path relative to the root, and return the path relative to ``csv_files``."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode('.png', image)
    file.write_bytes(data.tobytes())
    return f'../{path}'


def _write_image(job: _Job) -> Row:
    """Draw and write one image and its mask, and return its CSV row."""
    scene = make_scene(job.task)
    key = [job.seed, zlib.crc32(job.task.name.encode()), SPLITS.index(job.split), job.index]
    scanner = job.scanner
    if scanner.name:
        key.append(zlib.crc32(scanner.name.encode()))
    phantom = scene.draw(np.random.default_rng(key), job.index, scanner)
    folder = f'{scene.folder}/{job.task.name}'
    name = f'{job.split}_{f"{scanner.name}_" if scanner.name else ""}{job.index:05d}.png'
    row: Row = {
        'task_id': job.task.name,
        'task_name': job.task.task_type.csv_name,
        'num_classes': job.task.num_outputs,
        'image_path': _write_png(job.root, f'{folder}/images/{name}', phantom.image),
    }
    if phantom.class_masks is not None:
        places = [f'{folder}/masks/{label}/{name}' for label in range(job.task.num_outputs)]
        masks = zip(places, phantom.class_masks, strict=True)
        row['mask_paths'] = json.dumps([_write_png(job.root, place, mask) for place, mask in masks])
    elif phantom.mask is None:
        annotation = ANNOTATIONS[job.task.type]
        cells = annotation.format(phantom.annotation)
        row.update({column: cells[column] for column in annotation.columns(job.task)})
    else:
        row['mask_path'] = _write_png(job.root, f'{folder}/masks/{name}', phantom.mask)
    if scanner.name:
        row[SCANNER_COLUMN] = scanner.name
    if phantom.pixel_spacing is not None:
        row[SPACING_COLUMN] = spacing_text(phantom.pixel_spacing)
    return row


def _write_csv(root: Path, task: Task, rows: Sequence[Row]) -> None:
    file = root / 'csv_files' / f'{task.name}.csv'
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open('w', newline='', encoding='utf-8') as stream:
        columns = [*COMMON_COLUMNS, *ANNOTATIONS[task.type].columns(task)]
        columns += [column for column in (SCANNER_COLUMN, SPACING_COLUMN) if any(column in row for row in rows)]
        writer = csv.DictWriter(stream, columns, restval='', lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)


def _run(jobs: list[_Job], workers: int, progress: bool) -> list[Row]:
    """Write the images of the jobs, and return their CSV rows in the same order."""
    show = partial(track, description='Drawing phantoms', total=len(jobs), disable=not progress)
    if workers <= 1:
        return list(show(map(_write_image, jobs)))
    with worker_pool(workers) as pool:
        try:
            return list(show(pool.map(_write_image, jobs, chunksize=8)))
        except BaseException:
            pool.shutdown(cancel_futures=True)  # do not wait for queued jobs
            raise


def make_dataset(
    out: str | Path,
    tasks: TaskTable,
    images_per_task: int = 24,
    seed: int = 0,
    *,
    val_images_per_task: int = 0,
    workers: int = 1,
    progress: bool = False,
    scanners: Sequence[Scanner] = (DEMO_SCANNER,),
) -> None:
    """Generate phantoms for tasks and write them in the FMC-UIA layout.

    An image only depends on the seed, its split, its index, its scanner, and the task's name, number of outputs,
    ``flip`` and ``swaps``. It does not depend on other tasks, on the number of images or on the number of workers.

    Args:
        out: Folder to create, atomically. It must not exist or be empty.
        tasks: Tasks to draw.
        images_per_task: Number of images of each task in ``out``, or in ``out/train`` if there are validation images.
        seed: Random seed, at least 0.
        val_images_per_task: Number of validation images of each task in ``out/val``. With 0, ``out`` is one data root
            without splits.
        workers: Number of processes.
        progress: Whether to show a progress bar.
        scanners: The scanners; each makes so many images. The column ``scanner`` names those that have a name, and the
            column ``pixel_spacing`` holds the size of a pixel of those that have a scale.

    Raises:
        DataError: If ``out`` is a file, or a folder that is not empty.
        ConfigError: If there is no task, no training image, a number is negative, or a task has too many classes.
        OutputError: If ``out`` cannot be written.
    """
    out = Path(out).absolute()
    if not tasks or images_per_task < 1 or val_images_per_task < 0 or seed < 0:
        raise ConfigError(
            f'nothing to draw from {len(tasks)} tasks, {images_per_task} training and {val_images_per_task} validation '
            f'images per task and seed {seed}: need a task, a training image and no negative number'
        )
    require_new_folder(out)
    for task in tasks.values():
        make_scene(task)  # raises an error before anything is written
    with whole_folder(out) as folder:
        train_root = folder / 'train' if val_images_per_task else folder
        splits = [('train', train_root, images_per_task), ('val', folder / 'val', val_images_per_task)]
        jobs = [
            _Job(root, task, split, index, seed, scanner)
            for split, root, count in splits
            for task in tasks.values()
            for scanner in scanners
            for index in range(count)
        ]
        rows: dict[tuple[Path, str], list[Row]] = {}
        for job, row in zip(jobs, _run(jobs, workers, progress), strict=True):
            rows.setdefault((job.root, job.task.name), []).append(row)
        for (root, name), task_rows in rows.items():
            _write_csv(root, tasks[name], task_rows)
