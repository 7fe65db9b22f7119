"""FMC-UIA data as COCO data sets, and back.

The COCO side is a folder with ``images/<split>/`` and, for each task and split, ``annotations/<task>_<split>.json``:
one file a task, because an image is labelled for some tasks only and COCO reads a missing annotation as 'nothing here'.
Boxes, masks (run lengths, one a class) and points (``keypoints``) keep their pixels: COCO's boxes are (x, y, width,
height) with x = 0 at the left edge of the first pixel, as here. COCO has no place for the class of a whole image.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as run_lengths
from rich.progress import track

from aurora_mm.converters.files import FilePlacer, check_relative, path_under_root, read_json
from aurora_mm.converters.fmc_source import labelled_rows, read_splits
from aurora_mm.converters.fmc_writer import FmcWriter, tasks_config
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.files import whole_folder
from aurora_mm.tasks import Task, TaskTable

TASK_KEY = 'aurora_mm_task'  # under `info`: the task's names, type and mirror rules
_TYPES = ('segmentation', 'detection', 'landmark')
_SPLIT = re.compile(r'_(train|val|test)\d*$')


def fmc_to_coco(
    data_root: str | Path,
    out: str | Path,
    tasks: Sequence[Task | dict] = (),
    include: Sequence[str] | None = None,
    link: bool = False,
) -> list[Task]:
    """Writes the segmentation, detection and landmark tasks of a data root as COCO data sets.

    Args:
        data_root: In the FMC-UIA layout. out: Folder to make; it appears when all is written.
        tasks: Known tasks, for their names. include: The tasks to convert; all by default.
        link: Make symbolic links to the images instead of copies.

    Returns:
        The tasks that were written.

    Raises:
        DataError: For bad data, or if nothing in it fits the format.
        ConfigError: If ``include`` names a task that is not there or whose type does not fit.
    """
    datasets = read_splits(data_root, tasks, include)
    table = next(iter(datasets.values())).tasks
    chosen = [task for task in table.values() if include is None or task.name in include]
    fitting = [task for task in chosen if task.type in _TYPES]
    if include is not None and len(fitting) < len(chosen):
        raise ConfigError(
            f'COCO cannot hold {", ".join(t.name for t in chosen if t not in fitting)}: classes of images'
        )
    if not fitting:
        raise DataError('no segmentation, detection or landmark task to convert', file=data_root)
    written = []
    with whole_folder(Path(out).absolute()) as folder:
        placer = FilePlacer(folder, link)
        (folder / 'annotations').mkdir()
        for task in fitting:
            files: dict[str, dict[str, Any]] = {}
            for split, row in labelled_rows(datasets, task, 'to COCO'):
                path = path_under_root(row['image_path'])
                placer.place(row['img_path'], f'images/{split}/{path}')
                _append(files.setdefault(split, _empty_file(task)), task, path, row)
            for split, content in files.items():
                (folder / 'annotations' / f'{task.name}_{split}.json').write_text(json.dumps(content))
            if files:
                written.append(task)
    return written


def coco_to_fmc(
    source: str | Path,
    out: str | Path,
    images: str = 'images/{split}',
    name: str | None = None,
    task_type: str | None = None,
    link: bool = False,
) -> list[Task]:
    """Writes the COCO data sets of a folder as one data root with ``train/``, ``val/`` ... and a list of its tasks.

    Args:
        source: Folder with ``annotations/*_<split>.json``; split is train, val or test, digits may follow.
        out: Folder to make; it appears when all is written.
        images: Folder of the images below ``source``, with ``{split}`` in it.
        name, task_type: Of the task, for files that :func:`fmc_to_coco` has not written.
        link: Make symbolic links to the images instead of copies.

    Returns:
        The tasks that were written.

    Raises:
        DataError: If a file is no COCO file or has what the CSV files cannot hold: no box or several in an image,
            classes that overlap, points that are missing.
        ConfigError: If the name or the type of a task is not known.
    """
    source = Path(source)
    files = sorted(source.glob('annotations/*.json'))
    found = [(file, match) for file in files if (match := _SPLIT.search(file.stem))]
    if not found:
        raise DataError('no annotations/*_train.json, *_val.json or *_test.json in this folder', file=source)
    tasks = TaskTable()
    with whole_folder(Path(out).absolute()) as folder:
        writers: dict[str, FmcWriter] = {}
        for file, match in found:
            split = match[1]
            writer = writers.setdefault(split, FmcWriter(folder / split, link))
            coco = _CocoFile(file, name, task_type)
            tasks = tasks.with_tasks([coco.task])
            image_folder = source / images.format(split=match[0][1:])  # 'train2017' has its digits
            for image in track(coco.images, f'to FMC-UIA: {file.stem}'):
                path = check_relative(image.get('file_name'), file)
                if not (image_folder / path).is_file():
                    raise DataError(f'there is no image {image_folder / path}', file=file)
                mask_path = image.get('mask_path')
                if mask_path is not None:
                    check_relative(path_under_root(str(mask_path)), file)
                writer.add(coco.task, image_folder / path, path, coco.answer(image), mask_path)
        for writer in writers.values():
            writer.finish()
        (folder / 'tasks.py').write_text(tasks_config(list(tasks.values())))
    return list(tasks.values())


def _empty_file(task: Task) -> dict[str, Any]:
    if task.type == 'landmark':
        categories: list[dict[str, Any]] = [dict(id=1, name=task.name, keypoints=list(task.points), skeleton=[])]
    else:
        first = 1 if task.type == 'segmentation' else 0  # the background is no category
        categories = [dict(id=i + 1, name=name) for i, name in enumerate(task.classes[first:])]
    return dict(info={TASK_KEY: task.to_config()}, images=[], categories=categories, annotations=[])


def _append(content: dict[str, Any], task: Task, path: str, row: dict[str, Any]) -> None:
    """Adds a row's image and annotations to the content of a file."""
    height, width = row['ori_shape']
    image_id = len(content['images']) + 1
    image = dict(id=image_id, file_name=path, height=height, width=width)
    if 'mask_path' in row:
        image['mask_path'] = row['mask_path']
    content['images'].append(image)
    for annotation in _ANNOTATIONS[task.type](row):
        number = len(content['annotations']) + 1
        content['annotations'].append(dict(id=number, image_id=image_id, iscrowd=0) | annotation)


def _box_annotations(row: dict[str, Any]) -> list[dict[str, Any]]:
    x1, y1, x2, y2 = row['bbox']
    return [dict(category_id=1, bbox=[x1, y1, x2 - x1, y2 - y1], area=(x2 - x1) * (y2 - y1))]


def _mask_annotations(row: dict[str, Any]) -> list[dict[str, Any]]:
    annotations = []
    for label in np.unique(row['gt_seg_map'][row['gt_seg_map'] > 0]).tolist():
        code = run_lengths.encode(np.asfortranarray(row['gt_seg_map'] == label).astype(np.uint8))
        box, area = run_lengths.toBbox(code).tolist(), int(run_lengths.area(code))
        code['counts'] = code['counts'].decode('ascii')
        annotations.append(dict(category_id=label, bbox=box, area=area, segmentation=code))
    return annotations


def _point_annotations(row: dict[str, Any]) -> list[dict[str, Any]]:
    points = np.array(row['points'])
    low, extent = points.min(0), np.ptp(points, axis=0)
    keypoints = [value for x, y in row['points'] for value in (x, y, 2)]  # 2: labelled and visible
    box = [*low.tolist(), *extent.tolist()]
    return [dict(category_id=1, keypoints=keypoints, num_keypoints=len(points), bbox=box, area=float(extent.prod()))]


_ANNOTATIONS = {'detection': _box_annotations, 'segmentation': _mask_annotations, 'landmark': _point_annotations}


class _CocoFile:
    """One annotation file, read as one task."""

    def __init__(self, file: Path, name: str | None, task_type: str | None) -> None:
        content = read_json(file)
        for key in ('images', 'annotations', 'categories'):
            if not isinstance(content.get(key), list):
                raise DataError(f'no COCO file: it has no list {key!r}', file=file)
        self.file = file
        self.images = content['images']
        self.categories = sorted(content['categories'], key=lambda category: category['id'])
        known = (content.get('info') or {}).get(TASK_KEY)
        self.task = Task(**known) if known else self._task(name, task_type)
        self._of_image: dict[Any, list[dict[str, Any]]] = {}
        for annotation in content['annotations']:
            self._of_image.setdefault(annotation['image_id'], []).append(annotation)

    def _task(self, name: str | None, task_type: str | None) -> Task:
        if name is None or task_type not in _TYPES:
            raise ConfigError(
                f'{self.file} does not say which task it holds: give its name and type ({", ".join(_TYPES)})'
            )
        names = tuple(category['name'] for category in self.categories)
        if task_type == 'landmark':
            return Task(name, task_type, points=tuple(self.categories[0].get('keypoints', ())))
        return Task(name, task_type, classes=('background', *names) if task_type == 'segmentation' else names)

    def answer(self, image: dict[str, Any]) -> dict[str, Any]:
        """What :meth:`FmcWriter.add` takes, of one of the images."""
        annotations = self._of_image.get(image['id'], [])
        if self.task.type == 'segmentation':
            return dict(mask=self._paint(image, annotations))
        if len(annotations) != 1 or len(self.categories) != 1:
            raise DataError(
                f'image {image["file_name"]!r} has {len(annotations)} annotations of {len(self.categories)} '
                'categories; the CSV files hold one of one. Read such a file as it is with aurora_mm.TaskDataset',
                file=self.file,
            )
        if self.task.type == 'detection':
            x, y, width, height = annotations[0]['bbox']
            return dict(bbox=np.round([x, y, x + width, y + height], 6).tolist())
        points = np.array(annotations[0].get('keypoints', ()), float).reshape(-1, 3)
        if len(points) != self.task.num_outputs or (points[:, 2] == 0).any():
            raise DataError(
                f'image {image["file_name"]!r} lacks some of {self.task.num_outputs} points', file=self.file
            )
        return dict(points=points[:, :2])

    def _paint(self, image: dict[str, Any], annotations: list[dict[str, Any]]) -> np.ndarray:
        height, width = image['height'], image['width']
        labels = {category['id']: i + 1 for i, category in enumerate(self.categories)}
        mask = np.zeros((height, width), np.uint8)
        for annotation in annotations:
            code = annotation.get('segmentation')
            if not code:
                raise DataError(f'an annotation of {image["file_name"]!r} has no segmentation', file=self.file)
            if isinstance(code, list):
                code = run_lengths.merge(run_lengths.frPyObjects(code, height, width))
            elif isinstance(code['counts'], list):
                code = run_lengths.frPyObjects(code, height, width)
            region = run_lengths.decode(code).astype(bool)
            label = labels[annotation['category_id']]
            if ((mask[region] != 0) & (mask[region] != label)).any():
                raise DataError(
                    f'classes overlap in image {image["file_name"]!r}; a mask holds one a pixel', file=self.file
                )
            mask[region] = label
        return mask
