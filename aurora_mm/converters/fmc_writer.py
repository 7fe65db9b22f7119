"""Writes data in the FMC-UIA layout."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.csv_tables import COMMON_COLUMNS
from aurora_mm.converters.files import FilePlacer, path_under_root
from aurora_mm.datasets.class_masks import bit_coded
from aurora_mm.errors import DataError
from aurora_mm.images.sources import split_source
from aurora_mm.structures import IGNORED
from aurora_mm.tasks import Task

_COUNTS = {2: 'Two', 3: 'Three', 4: 'Four', 5: 'Five'}


class FmcWriter:
    """Writes a data root row by row. :meth:`finish` writes one CSV file per task.

    Args:
        root: The data root.
        link: Whether to create symbolic links to the images instead of copies.
    """

    def __init__(self, root: Path, link: bool) -> None:
        self._files = FilePlacer(root, link)
        self._rows: dict[Task, dict[str, dict[str, Any]]] = {}

    def add(
        self,
        task: Task,
        image: str | Path,
        path: str,
        answer: dict[str, Any],
        mask_path: str | None = None,
        group: str = '',
        pixels: np.ndarray | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        """Add a row, and write its image and mask.

        Args:
            task: Task of the row.
            image: Path of the image file, with ``#frame=N`` if it contains several images.
            path: Target path of the image relative to the root, with the same ``#frame=N``.
            answer: The annotation: ``mask``, (H, W) uint8 class indices; ``class_masks``, (C, H, W), 0 and 1, or
                255 everywhere for a class that is not labelled;
                ``gt_label``, int; ``bbox``, xyxy; ``bboxes``, N boxes, with ``bboxes_labels``, N classes; or
                ``points``, (K, 2). Coordinates are original ones, in pixels.
            mask_path: Text for the column ``mask_path``. By default it is derived from ``path``.
            group: Text for the column ``group``. A split does not divide rows with the same text.
            pixels: (H, W) grey or (H, W, 3) BGR, which is written to ``path`` as PNG instead of the image file.
            columns: Text of further columns, by their names.

        Raises:
            DataError: If the task already has a row of this image, or two files have the same target.
        """
        rows = self._rows.setdefault(task, {})
        if path in rows:
            raise DataError(f'image {image} stands in the data of task {task.name!r} twice')
        target = _outside_of_csv_files(split_source(path)[0].as_posix(), image)
        if pixels is None:
            self._files.place(split_source(image)[0], target)
        elif self._files.is_free(target, str(image)):
            self._files.write_png(target, pixels, str(image))
        row: dict[str, Any] = {
            'task_id': task.name,
            'task_name': task.task_type.csv_name,
            'num_classes': task.num_outputs,
            'image_path': f'../{path}',
        }
        if 'mask' in answer:
            row['mask_path'] = mask_path or self._free_mask_path(task, path)
            place = _outside_of_csv_files(path_under_root(row['mask_path']), image)
            self._files.write_png(place, answer['mask'], f'the mask of {image} for {task.name!r}')
        elif 'class_masks' in answer:
            row['mask_paths'] = json.dumps(self._write_class_masks(task, path, answer['class_masks'], str(image)))
        else:
            cells = ANNOTATIONS[task.type].format(answer)
            row.update({column: cells[column] for column in ANNOTATIONS[task.type].columns(task)})
        if group:
            row['group'] = group
        rows[path] = row | dict(columns or {})

    def finish(self) -> None:
        """Write the CSV files."""
        for task, rows in self._rows.items():
            stream = io.StringIO()
            columns = [*COMMON_COLUMNS, *ANNOTATIONS[task.type].columns(task)]
            columns += dict.fromkeys(name for row in rows.values() for name in row if name not in columns)
            writer = csv.DictWriter(stream, columns, lineterminator='\n')
            writer.writeheader()
            writer.writerows(rows.values())
            self._files.write_text(f'csv_files/{task.name}.csv', stream.getvalue())

    def _write_class_masks(self, task: Task, path: str, masks: np.ndarray, image: str) -> list[str | None]:
        """Write (C, H, W) masks to one file, or to one for each class where some are not labelled.

        Returns:
            What stands in ``mask_paths``.
        """
        is_labelled = masks[:, 0, 0] != IGNORED
        if is_labelled.all():
            mask_path = self._free_mask_path(task, path)
            self._files.write_png(
                path_under_root(mask_path), bit_coded(masks), f'the masks of {image} for {task.name!r}'
            )
            return [mask_path]
        paths: list[str | None] = [None] * len(masks)
        for label in np.flatnonzero(is_labelled).tolist():
            mask_path = paths[label] = self._free_mask_path(task, f'{label}/{path}')
            what = f'the mask of {task.classes[label]!r} in {image} for {task.name!r}'
            self._files.write_png(path_under_root(mask_path), masks[label], what)
        return paths

    def _free_mask_path(self, task: Task, path: str) -> str:
        """Return a free path for a mask, with the name of its image."""
        folder = f'Segmentation/{_COUNTS.get(task.num_outputs, task.num_outputs)}/{task.name}/mask'
        path = path.replace('#frame=', '_')
        stem = f'{folder}/{Path(path).with_suffix(".png").as_posix()}'
        return f'../{folder}/{path}.png' if self._files.has(stem) else f'../{stem}'


def tasks_config(tasks: Sequence[Task]) -> str:
    """Return the text of a config file with a list of tasks, because CSV files do not contain names of classes."""
    lines = [f'    {task.to_config()!r},\n' for task in tasks]
    return ''.join(['# The tasks of this data set; see aurora_mm/tasks.py.\ntasks = [\n', *lines, ']\n'])


def _outside_of_csv_files(path: str, image: str | Path) -> str:
    if path.split('/')[0].lower() == 'csv_files':
        raise DataError(f'{image}: {path!r} lies in csv_files, the folder of the CSV files')
    return path
