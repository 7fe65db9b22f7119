"""Writes a data root in the FMC-UIA layout, row by row."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aurora_mm.challenge.csv_cells import BOX_COLUMNS, needed_columns
from aurora_mm.converters.files import FilePlacer, path_under_root, write_png
from aurora_mm.tasks import Task

_COMMON = ('task_id', 'task_name', 'num_classes', 'image_path')
_COUNTS = {2: 'Two', 3: 'Three', 4: 'Four', 5: 'Five'}


class FmcWriter:
    """Collects the rows of one data root; :meth:`finish` writes a CSV file for each task.

    Args:
        root: The data root. link: Make symbolic links to the images instead of copies.
    """

    def __init__(self, root: Path, link: bool) -> None:
        self._root = root
        self._images = FilePlacer(root, link)
        self._rows: dict[Task, list[dict[str, Any]]] = {}

    def add(
        self, task: Task, image: str | Path, path: str, answer: dict[str, Any], mask_path: str | None = None
    ) -> None:
        """Adds a row.

        Args:
            task: Of the row. image: The file of the image. path: Where the image goes, below the root.
            answer: ``mask`` ((H, W) uint8 class indices), ``bbox`` (xyxy) or ``points`` ((K, 2)), in pixels.
            mask_path: The CSV's text for the mask; without it, the mask stands beside the image's path.
        """
        self._images.place(image, path)
        row: dict[str, Any] = {
            'task_id': task.name,
            'task_name': 'Regression' if task.type == 'landmark' else task.type,
            'num_classes': task.num_outputs,
            'image_path': f'../{path}',
        }
        if 'mask' in answer:
            row['mask_path'] = mask_path or f'../{_mask_folder(task)}/{Path(path).with_suffix(".png").as_posix()}'
            write_png(self._root / path_under_root(row['mask_path']), answer['mask'])
        elif 'bbox' in answer:
            row.update(zip(BOX_COLUMNS, map(_number, answer['bbox']), strict=True))
        else:
            points = np.asarray(answer['points'], np.float64).tolist()
            row.update({f'point_{i + 1}_xy': json.dumps(point) for i, point in enumerate(points)})
        self._rows.setdefault(task, []).append(row)

    def finish(self) -> None:
        """Writes the CSV files."""
        folder = self._root / 'csv_files'
        folder.mkdir(parents=True, exist_ok=True)
        for task, rows in self._rows.items():
            with (folder / f'{task.name}.csv').open('w', newline='', encoding='utf-8') as stream:
                writer = csv.DictWriter(stream, (*_COMMON, *needed_columns(task)), lineterminator='\n')
                writer.writeheader()
                writer.writerows(rows)


def tasks_config(tasks: Sequence[Task]) -> str:
    """A config file with the names, which the CSV files cannot hold."""
    lines = [f'    {task.to_config()!r},\n' for task in tasks]
    return ''.join(['# The tasks of this data set; see aurora_mm/tasks.py.\ntasks = [\n', *lines, ']\n'])


def _mask_folder(task: Task) -> str:
    return f'Segmentation/{_COUNTS.get(task.num_outputs, task.num_outputs)}/{task.name}/mask'


def _number(value: float) -> str:
    return f'{value:.10g}'
