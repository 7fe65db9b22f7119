"""COCO data sets, as this package or annotation tools write them, as FMC-UIA data.

Objects marked ``iscrowd`` stand for a group: in segmentation they are pixels of their class, elsewhere they are left
out. So are those marked ``ignore``, which a mask cannot hold. Boxes are cut at the image's edges. The log counts both.
"""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.progress import track

from aurora_mm.converters.coco_answers import CocoAnswers
from aurora_mm.converters.coco_exports import CocoExport, find_exports, image_folder
from aurora_mm.converters.coco_task import TASK_KEY, check_categories, task_of
from aurora_mm.converters.files import FilePlacer, check_relative, path_under_root
from aurora_mm.converters.fmc_writer import FmcWriter, tasks_config
from aurora_mm.datasets.coco_file import CocoFile
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.files import whole_folder
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
            _convert(coco, known, objects, export, source, images, writer)
        TaskTable(tasks.values())
        for writer in writers.values():
            writer.finish()
        FilePlacer(folder, link=False).write_text('tasks.py', tasks_config(list(tasks.values())))
    return list(tasks.values())


def _convert(
    coco: CocoFile, task: Task, objects: str, export: CocoExport, source: Path, pattern: str | None, writer: FmcWriter
) -> None:
    """Turns the images of one file into rows."""
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
