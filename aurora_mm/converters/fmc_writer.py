"""Writes a data root in the FMC-UIA layout, row by row."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.csv_tables import COMMON_COLUMNS
from aurora_mm.converters.files import FilePlacer, path_under_root
from aurora_mm.errors import DataError
from aurora_mm.images.sources import split_source
from aurora_mm.tasks import Task

_COUNTS = {2: 'Two', 3: 'Three', 4: 'Four', 5: 'Five'}


class FmcWriter:
    """Collects the rows of one data root; :meth:`finish` writes a CSV file for each task.

    Args:
        root: The data root.
        link: Make symbolic links to the images instead of copies.
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
    ) -> None:
        """Adds a row.

        Args:
            task: Of the row.
            image: The file of the image, with ``#frame=N`` where it holds several.
            path: Where the image goes, below the root, with the same frame.
            answer: ``mask`` ((H, W) uint8 class indices), or what an item of a data set holds of the annotation:
                ``gt_label`` (int), ``bbox`` (xyxy) or ``points`` ((K, 2)), in pixels.
            mask_path: The CSV's text for the mask; without it, the mask gets a name like the image's.
            group: For the column ``group``, which a split keeps together.
            pixels: (H, W) or (H, W, 3) BGR, written to ``path`` as PNG in place of the file.

        Raises:
            DataError: If the task has a row of this image already, or two files would become one.
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
        else:
            row.update(ANNOTATIONS[task.type].format(answer))
        if group:
            row['group'] = group
        rows[path] = row

    def finish(self) -> None:
        """Writes the CSV files."""
        for task, rows in self._rows.items():
            stream = io.StringIO()
            columns = [*COMMON_COLUMNS, *ANNOTATIONS[task.type].columns(task)]
            columns += ['group'] if any('group' in row for row in rows.values()) else []
            writer = csv.DictWriter(stream, columns, lineterminator='\n')
            writer.writeheader()
            writer.writerows(rows.values())
            self._files.write_text(f'csv_files/{task.name}.csv', stream.getvalue())

    def _free_mask_path(self, task: Task, path: str) -> str:
        """A mask named as its image; a.jpg beside a.png keeps its suffix."""
        folder = f'Segmentation/{_COUNTS.get(task.num_outputs, task.num_outputs)}/{task.name}/mask'
        path = path.replace('#frame=', '_')
        stem = f'{folder}/{Path(path).with_suffix(".png").as_posix()}'
        return f'../{folder}/{path}.png' if self._files.has(stem) else f'../{stem}'


def tasks_config(tasks: Sequence[Task]) -> str:
    """A config file with the names, which the CSV files cannot hold."""
    lines = [f'    {task.to_config()!r},\n' for task in tasks]
    return ''.join(['# The tasks of this data set; see aurora_mm/tasks.py.\ntasks = [\n', *lines, ']\n'])


def _outside_of_csv_files(path: str, image: str | Path) -> str:
    if path.split('/')[0].lower() == 'csv_files':
        raise DataError(f'{image}: {path!r} lies in csv_files, the folder of the CSV files')
    return path
