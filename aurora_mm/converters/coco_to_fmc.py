"""Conversion of COCO data sets of this package or of annotation tools to FMC-UIA data.

Objects with ``iscrowd`` are drawn into masks in segmentation, and left out in detection and landmark tasks. Objects
with ``ignore`` are an error in segmentation, and left out otherwise. Boxes are clipped to the image. The log has the
numbers of objects that were left out or clipped.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from rich.markup import escape
from rich.progress import track

from aurora_mm.converters.box_counts import check_box_count
from aurora_mm.converters.coco_answers import CocoAnswers
from aurora_mm.converters.coco_exports import CocoExport, find_exports, image_folder
from aurora_mm.converters.coco_task import TASK_KEY, check_categories, task_of
from aurora_mm.converters.files import FilePlacer, check_relative, path_under_root
from aurora_mm.converters.fmc_writer import FmcWriter, tasks_config
from aurora_mm.datasets.coco_file import CocoFile
from aurora_mm.errors import DataError
from aurora_mm.folders import whole_folder
from aurora_mm.json_files import read_json
from aurora_mm.tasks import Task, TaskTable


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
    """Convert the COCO data sets in a folder to one data root, with its task list ``tasks.py``.

    Data with splits is written to ``train/``, ``val/`` and ``test/``. Data without splits is written to one data root,
    which is split in training. Categories and keypoints of different splits are matched by name.

    Args:
        source: Folder with ``annotations/*_<split>.json``, or an export of Roboflow, CVAT, Label Studio or FiftyOne,
            see :func:`aurora_mm.converters.coco_exports.find_exports`.
        out: Folder to create, atomically.
        images: Folder of the images relative to ``source``. ``{split}`` is replaced by the name of the split. None
            tries the folders that these tools use.
        name: Name of the task, for files that :func:`fmc_to_coco` did not write.
        task_type: Type of the task, for such files: segmentation, detection, landmark or multi_object_detection.
        link: Whether to create symbolic links to the images instead of copies.
        annotations: Glob pattern of the annotation files relative to ``source``. None for the usual names.
        objects: What to do with images that do not have exactly one box or one set of keypoints, in a task of type
            detection or landmark: ``'one'`` raises an error; ``'single'`` leaves them out; ``'largest'`` takes the
            largest object and leaves out images without objects.

    Returns:
        The converted tasks.

    Raises:
        DataError: If a file is not a valid COCO file, contradicts another split or the size of an image, or has
            annotations that CSV files cannot represent: overlapping classes, several classes of boxes.
        ConfigError: If the name or the type of a task is unknown, or ``objects`` is not valid.
        OutputError: If ``out`` is not empty or cannot be written.
    """
    check_box_count(objects)
    source = Path(source)
    tasks: dict[str, Task] = {}
    first_file: dict[str, CocoFile] = {}
    read = cache(read_json)
    with whole_folder(Path(out).absolute()) as folder:
        writers: dict[str, FmcWriter] = {}
        for export in find_exports(source, annotations, read):
            coco = CocoFile(export.file, read(export.file))
            task = task_of(coco, name, task_type)
            known, first = tasks.setdefault(task.name, task), first_file.setdefault(task.name, coco)
            if first is not coco and TASK_KEY in coco.info and task != known:
                raise DataError(f'describes task {task.name!r} otherwise than {first.file}', file=coco.file)
            check_categories(coco, known, first)
            writer = writers.setdefault(export.split, FmcWriter(folder / export.split, link))
            _convert(coco, known, objects, export, source, images, writer)
        TaskTable(tasks.values())
        for writer in writers.values():
            writer.finish()
        FilePlacer(folder, link=False).write_text('tasks.py', tasks_config(list(tasks.values())))
    return list(tasks.values())


def _convert(
    coco: CocoFile, task: Task, objects: str, export: CocoExport, source: Path, pattern: str | None, writer: FmcWriter
) -> None:
    """Convert the images of one file to rows."""
    folder = image_folder(coco, export, source, pattern)
    if not coco.images:
        raise DataError('lists no image', file=coco.file)
    answers = CocoAnswers(coco, task, objects)
    written = 0
    for image in track(coco.images, escape(f'to FMC-UIA: {export.file.stem}')):
        answers.check_size(image, folder / image.file_name)
        answer = answers.answer(image)
        if answer is not None:
            written += 1
            mask_path = image.fields.get('mask_path')
            if mask_path is not None:
                if not isinstance(mask_path, str):
                    raise coco.error(image.entry, f'mask_path {mask_path!r} is no path')
                check_relative(path_under_root(mask_path), coco.file)
            writer.add(task, folder / image.file_name, image.file_name, answer, mask_path)
    if not written:
        raise DataError(f'no image is left: {answers.counts()}', file=coco.file)
    answers.log_counts()
