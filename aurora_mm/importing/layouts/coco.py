from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from aurora_mm.converters.coco_answers import CocoAnswers
from aurora_mm.converters.coco_exports import find_exports, image_folder
from aurora_mm.converters.coco_task import TASK_KEY, check_categories, task_of
from aurora_mm.datasets.coco_file import CocoFile, CocoImage
from aurora_mm.datasets.json_files import read_json
from aurora_mm.errors import DataError
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.task_names import task_name
from aurora_mm.importing.tree import Tree


class Coco(Layout):
    """COCO files under the names that COCO, CVAT, Roboflow, Label Studio and FiftyOne give them.

    Keypoints make a landmark task, polygons and run-length masks a segmentation task, other boxes a detection task.
    """

    name = 'COCO'

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        try:
            exports = find_exports(tree.root)
            return all({'images', 'annotations'} <= set(read_json(export.file)) for export in exports)
        except DataError:
            return False

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        found: dict[str, FoundTask] = {}
        first_file: dict[str, CocoFile] = {}
        for export in find_exports(tree.root):
            coco = CocoFile(export.file)
            task = task_of(coco, task_name(options.name or tree.root.name), _type_of(coco))
            known = found.setdefault(task.name, FoundTask(task))
            first = first_file.setdefault(task.name, coco)
            if first is not coco and TASK_KEY in coco.info and task != known.task:
                raise DataError(f'describes task {task.name!r} otherwise than {first.file}', file=coco.file)
            check_categories(coco, known.task, first)
            folder = image_folder(coco, export, tree.root, None)
            answers = CocoAnswers(coco, known.task, options.objects)
            for image in coco.images:
                file = folder / image.file_name
                answer = partial(_answer, answers, image, file)
                known.rows.append(FoundRow(str(file), image.file_name, answer, export.split))
        return list(found.values())


def _answer(answers: CocoAnswers, image: CocoImage, file: Path) -> dict[str, Any] | None:
    answers.check_size(image, file)
    return answers.answer(image)


def _type_of(coco: CocoFile) -> str:
    if any(category.keypoints for category in coco.categories.values()):
        return 'landmark'
    return 'segmentation' if any(item.fields.get('segmentation') for item in coco.objects) else 'detection'
