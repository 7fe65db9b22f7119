from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from aurora_mm.converters.coco_answers import CocoAnswers
from aurora_mm.converters.coco_exports import annotation_files, find_exports, image_folder
from aurora_mm.converters.coco_task import TASK_KEY, check_categories, task_of
from aurora_mm.datasets.coco_file import CocoFile, CocoImage
from aurora_mm.errors import DataError
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.task_names import task_name
from aurora_mm.importing.tree import Tree
from aurora_mm.importing.unpaired import tell_unpaired


class Coco(Layout):
    """COCO files under the names that COCO, CVAT, Roboflow, Label Studio and FiftyOne give them, or of any name in the
    folder itself.

    Keypoints make a landmark task, polygons and run-length masks a segmentation task, other boxes a detection task, or
    one of several boxes an image. Crowds and ignored objects are no boxes; the log says how many there are.
    """

    name = 'COCO'
    options = ('name', 'objects')

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        try:
            files = annotation_files(tree.root, tree.json_object)
            return bool(files) and all({'images', 'annotations'} <= set(tree.json_object(file)) for file in files)
        except DataError:
            return False

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        found: dict[str, FoundTask] = {}
        first_file: dict[str, CocoFile] = {}
        exports = [
            (export, CocoFile(export.file, tree.json_object(export.file)))
            for export in find_exports(tree.root, read=tree.json_object)
        ]
        task_type = _type_of([coco for _, coco in exports], options)
        for export, coco in exports:
            name = None if TASK_KEY in coco.info else task_name(options.name or tree.root.name)
            task = task_of(coco, name, task_type)
            known = found.setdefault(task.name, FoundTask(task))
            first = first_file.setdefault(task.name, coco)
            if first is not coco and TASK_KEY in coco.info and task != known.task:
                raise DataError(f'describes task {task.name!r} otherwise than {first.file}', file=coco.file)
            check_categories(coco, known.task, first)
            folder = image_folder(coco, export, tree.root, None)
            answers = CocoAnswers(coco, known.task, options.objects)
            known.when_read.append(answers.log_counts)
            for image in coco.images:
                file = folder / image.file_name
                answer = partial(_answer, answers, image, file)
                known.rows.append(FoundRow(str(file), image.file_name, answer, export.split))
        listed = {row.image for task in found.values() for row in task.rows}
        tell_unpaired(tree, [image for image in tree.images if str(tree.path(image)) in listed])
        return list(found.values())


def _answer(answers: CocoAnswers, image: CocoImage, file: Path) -> dict[str, Any] | None:
    answers.check_size(image, file)
    return answers.answer(image)


def _type_of(files: Sequence[CocoFile], options: ImportOptions) -> str:
    if any(category.keypoints for coco in files for category in coco.categories.values()):
        return 'landmark'
    if any(item.fields.get('segmentation') for coco in files for item in coco.objects):
        return 'segmentation'
    counts = {
        sum(not (item.crowd or item.ignored) for item in coco.objects_of(image))
        for coco in files
        for image in coco.images
    }
    classes = {name for coco in files for name in coco.categories}
    one_each = counts == {1} and len(classes) == 1
    return 'detection' if one_each or options.objects != 'all' else 'multi_object_detection'
