"""COCO data sets, as this package or annotation tools write them, as FMC-UIA data.

Objects marked ``iscrowd`` stand for a group: in segmentation they are pixels of their class, elsewhere they are left
out. So are those marked ``ignore``, which a mask cannot hold. Boxes are cut at the image's edges. The log counts both.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from rich.markup import escape
from rich.progress import track

from aurora_mm.converters.coco_exports import CocoExport, find_exports, image_folder
from aurora_mm.converters.coco_kinds import COCO_KINDS
from aurora_mm.converters.coco_task import TASK_KEY, check_categories, task_of
from aurora_mm.converters.files import FilePlacer, check_relative, path_under_root
from aurora_mm.converters.fmc_writer import FmcWriter, tasks_config
from aurora_mm.datasets.coco_file import CocoFile, CocoImage, CocoObject
from aurora_mm.datasets.coco_objects import region_of
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.files import whole_folder
from aurora_mm.images.image_files import read_shape
from aurora_mm.images.image_header import BadImage
from aurora_mm.tasks import Task, TaskTable

BOX_COUNTS = ('one', 'single', 'largest')


def coco_to_fmc(
    source: str | Path,
    out: str | Path,
    images: str | None = None,
    name: str | None = None,
    task_type: str | None = None,
    link: bool = False,
    annotations: str | None = None,
    objects: str = 'one',
) -> list[Task]:
    """Writes the COCO data sets of a folder as one data root and a list of its tasks, ``tasks.py``.

    Data that was split becomes ``train/``, ``val/`` ..., other data one root that is split in training. Categories and
    keypoints of the splits are joined by name.

    Args:
        source: Folder with ``annotations/*_<split>.json``, or as Roboflow, CVAT, Label Studio or FiftyOne export it,
            see :func:`aurora_mm.converters.coco_exports.find_exports`.
        out: Folder to make; it appears when all is written.
        images: Folder of the images below ``source``, with ``{split}`` in it; None looks where the tools put them.
        name: Of the task, for files that :func:`fmc_to_coco` has not written.
        task_type: Of the task, likewise: segmentation, detection or landmark.
        link: Make symbolic links to the images instead of copies.
        annotations: Pattern of the annotation files below ``source``; None looks for the usual names.
        objects: What to do with an image that has not one box (or one set of keypoints), which is all that a CSV row
            holds: ``'one'`` refuses it, ``'single'`` leaves it out, ``'largest'`` takes the largest of several and
            leaves an image without out.

    Returns:
        The tasks that were written.

    Raises:
        DataError: If a file is no COCO file or contradicts itself, another split or an image's size, or has what the
            CSV files cannot hold: classes that overlap, points that are missing, several categories of boxes.
        ConfigError: If the name or the type of a task is not known, or ``objects`` is none of the three.
    """
    if objects not in BOX_COUNTS:
        raise ConfigError(f'objects must be one of {", ".join(BOX_COUNTS)}, not {objects!r}')
    source = Path(source)
    tasks: dict[str, Task] = {}
    first_file: dict[str, CocoFile] = {}
    with whole_folder(Path(out).absolute()) as folder:
        writers: dict[str, FmcWriter] = {}
        for export in find_exports(source, annotations):
            coco = CocoFile(export.file)
            task = task_of(coco, name, task_type)
            known, first = tasks.setdefault(task.name, task), first_file.setdefault(task.name, coco)
            if first is not coco and TASK_KEY in coco.info and task != known:
                raise DataError(f'describes task {task.name!r} otherwise than {first.file}', file=coco.file)
            check_categories(coco, known, first)
            writer = writers.setdefault(export.split, FmcWriter(folder / export.split, link))
            _FileConverter(coco, known, objects, writer).run(export, source, images)
        TaskTable(tasks.values())
        for writer in writers.values():
            writer.finish()
        FilePlacer(folder, link=False).write_text('tasks.py', tasks_config(list(tasks.values())))
    return list(tasks.values())


class _FileConverter:
    """Turns the images of one file into rows."""

    def __init__(self, coco: CocoFile, task: Task, objects: str, writer: FmcWriter) -> None:
        self._coco = coco
        self._task = task
        self._objects = objects
        self._writer = writer
        self._told: Counter[str] = Counter()

    def run(self, export: CocoExport, source: Path, pattern: str | None) -> None:
        folder = image_folder(self._coco, export, source, pattern)
        if not self._coco.images:
            raise DataError('lists no image', file=self._coco.file)
        written = 0
        for image in track(self._coco.images, escape(f'to FMC-UIA: {export.file.stem}')):
            self._check_size(image, folder / image.file_name)
            answer = self._answer(image)
            if answer is not None:
                written += 1
                mask_path = image.fields.get('mask_path')
                if mask_path is not None:
                    if not isinstance(mask_path, str):
                        raise self._coco.error(image.entry, f'mask_path {mask_path!r} is no path')
                    check_relative(path_under_root(mask_path), self._coco.file)
                self._writer.add(self._task, folder / image.file_name, image.file_name, answer, mask_path)
        if not written:
            raise DataError(f'no image is left: {self._counts()}', file=self._coco.file)
        if self._counts():
            print_log(f'{self._coco.file}: {self._counts()}', logger='current', level=logging.WARNING)

    def _counts(self) -> str:
        return ', '.join(f'{count} {what}' for what, count in self._told.items() if count)

    def _check_size(self, image: CocoImage, file: Path) -> None:
        try:
            shape, orientation = read_shape(file)
        except BadImage as bad:
            raise self._coco.error(image.entry, f'image {file} {bad}') from bad
        if orientation != 1:
            raise self._coco.error(
                image.entry,
                f'image {file} is stored in orientation {orientation} by its EXIF data: its annotations may be of the '
                'picture before or after it is turned. Save it without EXIF data, as it was when it was labelled',
            )
        if shape != (image.height, image.width):
            raise self._coco.error(
                image.entry,
                f'image {file} has (height, width) {shape}, but is listed with {(image.height, image.width)}',
            )

    def _answer(self, image: CocoImage) -> dict[str, Any] | None:
        """What :meth:`FmcWriter.add` takes; None for an image that is left out."""
        if COCO_KINDS[self._task.type].one_mask:
            return dict(mask=self._paint(image))
        found = []
        for item in self._coco.objects_of(image):
            if item.crowd or item.ignored:
                self._told[f'{"crowds" if item.crowd else "ignored objects"} left out'] += 1
            else:
                found.append(item)
        answers = [self._one(item) for item in found]
        if len(answers) == 1:
            return answers[0]
        if self._objects == 'one':
            raise self._coco.error(
                image.entry,
                f'image {image.file_name!r} has {len(answers)} annotations; the CSV files hold one an image. '
                "objects='largest' or 'single' (--objects) converts it all the same, and aurora_mm.TaskDataset reads "
                'such a file as it is',
            )
        if not answers or self._objects == 'single':
            self._told[f'images with {"several annotations" if answers else "no annotation"} left out'] += 1
            return None
        self._told['images of which the largest of several annotations was taken'] += 1
        return max(answers, key=_extent)

    def _one(self, item: CocoObject) -> dict[str, Any]:
        answer, was_cut = COCO_KINDS[self._task.type].answer(self._coco, item, self._task)
        self._told['boxes cut at the edge of their image'] += was_cut
        return answer

    def _paint(self, image: CocoImage) -> np.ndarray:
        mask = np.zeros((image.height, image.width), np.uint8)
        for item in self._coco.objects_of(image):
            if item.ignored:
                raise self._coco.error(item.entry, "ignore is 1, but the masks here have no value for 'ignored'")
            region = region_of(self._coco, item)
            label = self._task.classes.index(item.category)
            if ((mask[region] != 0) & (mask[region] != label)).any():
                raise self._coco.error(
                    item.entry, f'classes overlap in image {image.file_name!r}; a mask holds one a pixel'
                )
            mask[region] = label
        return mask


def _extent(answer: dict[str, Any]) -> float:
    """Area of a box, or of the box around points."""
    corners = np.reshape(answer.get('bbox', answer.get('points')), (-1, 2))
    return float(np.ptp(corners, axis=0).prod())
