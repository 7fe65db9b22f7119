"""The folder of predictions that `aurora-mm predict` writes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aurora_mm.converters.coco_kinds import COCO_KINDS
from aurora_mm.converters.coco_task import TASK_KEY
from aurora_mm.dicom.results import DicomResults, save
from aurora_mm.errors import DataError
from aurora_mm.files import write_image, write_text
from aurora_mm.images.image_finder import Problem
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.sources import split_source
from aurora_mm.measurements import Measurement, measurements_of
from aurora_mm.prediction_files.contents import (
    SCHEMA_FILE,
    head_content,
    image_content,
    measurement_content,
    prediction_content,
)
from aurora_mm.prediction_files.json_values import json_value
from aurora_mm.prediction_files.records import record_of
from aurora_mm.prediction_files.view_spread import measure
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from aurora_mm.tasks import TaskTable
from aurora_mm.visualization import SHOWN_SCORE, MultiTaskVisualizer, drawer_of

_MEASURED = ('source', 'task', 'measurement', 'value', 'unit', 'low', 'high', 'views')
_LONGEST_NAME = 100


class PredictionWriter:
    """Writes predictions image by image; the lists come at the end, in the order of the images.

    Args:
        folder: Where to.
        tasks: Those that are asked, with their measurements.
        models: Names of the model's files.
        overlays: Whether pictures are drawn.
        dicom: Collects the answers for DICOM results; None for no such results.
    """

    def __init__(
        self,
        folder: Path,
        tasks: TaskTable,
        models: Sequence[str],
        overlays: bool = True,
        dicom: DicomResults | None = None,
    ) -> None:
        self.folder = folder
        self.tasks = tasks
        self.models = list(models)
        self._measurements: dict[str, list[Measurement]] = {t.name: measurements_of(t) for t in tasks.values()}
        self._visualizer = None
        if overlays:
            self._visualizer = MultiTaskVisualizer(size=None)
            self._visualizer.dataset_meta = dict(tasks=tasks.to_config())
        self._dicom = dicom
        self._dicom_names: dict[str, str] = {}
        self._images: dict[int, str] = {}  # as JSON text, which takes less memory
        self._measured: dict[int, list[tuple[Any, ...]]] = {}
        self._coco_images: dict[int, dict[str, Any]] = {}
        self._coco: dict[str, dict[int, list[dict[str, Any]]]] = {t.name: {} for t in tasks.values()}

    def add(self, position: int, pixels: np.ndarray, sample: MultiTaskDataSample) -> None:
        """Write the prediction of one image.

        Args:
            position: Of the image, counted from 0.
            pixels: ``(H, W, 3)`` BGR uint8.
            sample: With the predictions of all tasks.
        """
        path, frame = split_source(sample.img_path)
        height, width = sample.ori_shape
        name = f'{position:05d}_{_stem(path.name, frame)}'
        if self._dicom is not None:
            self._dicom_names[str(path)] = min(
                self._dicom_names.get(str(path), '~'), f'{position:05d}_{_stem(path.name, None)}'
            )
        self._measured[position] = []
        self._coco_images[position] = dict(file_name=sample.img_path, height=height, width=width)
        content = image_content(sample, [self._prediction(position, name, pixels, one) for one in sample])
        self._images[position] = json.dumps(content, allow_nan=False)

    def write_dicom(self) -> list[Problem]:
        """Write the DICOM objects of all files.

        Returns:
            The files of which none could be made.
        """
        problems: list[Problem] = []
        if self._dicom is None:
            return problems
        for path in self._dicom.files:
            try:
                made = self._dicom.make(path)
            except BadImage as bad:
                problems.append(Problem(path, str(bad)))
                continue
            except DataError as bad:
                problems.append(Problem('', str(bad)))
                continue
            for task, result in made.items():
                kind = f'{task}_seg' if task else 'sr'
                save(result, self.folder / 'dicom' / f'{self._dicom_names[path]}_{kind}.dcm')
        return problems

    def finish(self, problems: Iterable[Problem]) -> None:
        """Write the lists.

        Args:
            problems: What was left out.
        """
        head = json.dumps(head_content(self.tasks, self.models, problems))
        images = ',\n'.join(self._images[position] for position in sorted(self._images))
        write_text(self.folder / 'predictions.json', f'{head[:-1]}, "images": [\n{images}\n]}}\n')
        write_text(self.folder / 'predictions.schema.json', SCHEMA_FILE.read_text(encoding='utf-8'))
        if any(self._measurements.values()):
            self._write_measurements()
        for name, found in self._coco.items():
            if self.tasks[name].type in COCO_KINDS:
                self._write_coco(name, found)

    def _prediction(self, position: int, name: str, pixels: np.ndarray, sample: TaskDataSample) -> dict[str, Any]:
        task = self.tasks[sample.task]
        record = record_of(task.type)
        measured = measure(self._measurements[task.name], sample)
        if self._dicom is not None:
            path, frame = split_source(sample.img_path)
            pairs = list(zip(self._measurements[task.name], measured, strict=True))
            self._dicom.add(path, frame, task, sample, pairs)
        content = prediction_content(sample, task, measured)
        mask = record.mask(sample)
        if mask is not None:
            content['mask'] = f'masks/{task.name}/{name}.png'
            write_image(self.folder / content['mask'], mask)
        if self._visualizer is not None:
            content['overlay'] = f'overlays/{task.name}/{name}.png'
            drawn = self._visualizer.draw_answer(np.ascontiguousarray(pixels[..., ::-1]), sample, measured)
            write_image(self.folder / content['overlay'], drawn[..., ::-1])
        rows = (measurement_content(one).values() for one in measured)
        self._measured[position] += [(sample.img_path, task.name, *row) for row in rows]
        shown = drawer_of(task).select(sample, SHOWN_SCORE)
        self._coco[task.name][position] = record.coco_annotations(shown, task)
        return content

    def _write_measurements(self) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator='\n')
        writer.writerow(_MEASURED)
        for position in sorted(self._measured):
            writer.writerows(self._measured[position])
        # Names of files need not be UTF-8.
        write_text(self.folder / 'measurements.csv', text.getvalue().encode('utf-8', 'backslashreplace').decode())

    def _write_coco(self, name: str, found: dict[int, list[dict[str, Any]]]) -> None:
        task = self.tasks[name]
        content: dict[str, Any] = dict(
            info={TASK_KEY: task.to_config()},
            images=[],
            categories=COCO_KINDS[task.type].categories(task),
            annotations=[],
        )
        for image_id, position in enumerate(sorted(found), 1):
            content['images'].append(dict(id=image_id) | self._coco_images[position])
            for one in found[position]:
                number = len(content['annotations']) + 1
                content['annotations'].append(dict(id=number, image_id=image_id, iscrowd=0) | one)
        write_text(self.folder / 'coco' / f'{name}.json', json.dumps(json_value(content), allow_nan=False))


def _stem(name: str, frame: int | None) -> str:
    """A short name for files that are made of a picture, of letters that every file system has."""
    stem = name.partition('.')[0] or 'image'
    plain = ''.join(letter if letter.isascii() and (letter.isalnum() or letter in '-_ ') else '_' for letter in stem)
    return plain[:_LONGEST_NAME] + ('' if frame is None else f'_frame_{frame}')
