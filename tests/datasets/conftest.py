"""A small root in the FMC-UIA layout, made anew for each test that asks for it."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

HEIGHT, WIDTH = 48, 64


class FmcRoot:
    """Writes images, masks and CSV files under ``path``; all images are 64 x 48 pixels."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / 'csv_files').mkdir(parents=True)

    def image(self, name: str, seed: int = 0) -> str:
        """Write ``<name>``; returns the text for ``image_path``."""
        pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
        return self.array(name, pixels)

    def array(self, name: str, pixels: np.ndarray) -> str:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(file), pixels)
        return f'../{name}'

    def csv(self, name: str, rows: list[dict]) -> Path:
        """Write ``csv_files/<name>.csv`` with the union of the rows' columns."""
        columns = list(dict.fromkeys(column for row in rows for column in row))
        file = self.path / 'csv_files' / f'{name}.csv'
        with file.open('w', newline='', encoding='utf-8') as stream:
            writer = csv.DictWriter(stream, columns, restval='')
            writer.writeheader()
            writer.writerows(rows)
        return file

    def seg_row(self, index: int, **changes) -> dict:
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[10:20, 8:24] = 1
        mask[30:40, 40:56] = 2
        row = dict(task_id='organs', task_name='segmentation', num_classes=3)
        row['image_path'] = self.image(f'Segmentation/Three/organs/img/{index}.png', index)
        row['mask_path'] = self.array(f'Segmentation/Three/organs/mask/{index}.png', mask)
        return row | changes

    def cls_row(self, index: int, label: object = None, **changes) -> dict:
        row = dict(task_id='breast', task_name='classification', num_classes=2)
        row['image_path'] = self.image(f'Classification/breast/{index}.png', 100 + index)
        row['mask'] = index % 2 if label is None else label
        return row | changes

    def det_row(self, index: int, box: tuple = (8, 10, 24, 20), **changes) -> dict:
        row = dict(task_id='nodule', task_name='detection', num_classes=1)
        row['image_path'] = self.image(f'Detection/nodule/{index}.png', 200 + index)
        return row | dict(zip(('x_min', 'y_min', 'x_max', 'y_max'), box, strict=True)) | changes

    def point_row(self, index: int, points: tuple = ('[16, 15]', '[48.5, 35]'), **changes) -> dict:
        row = dict(task_id='femur', task_name='Regression', num_classes=2)
        row['image_path'] = self.image(f'Regression/femur/{index}.png', 300 + index)
        return row | {f'point_{i + 1}_xy': point for i, point in enumerate(points)} | changes

    def fill(self, count: int = 10) -> FmcRoot:
        """One CSV file for each of four tasks, ``count`` rows each."""
        for name, make in [('a', self.seg_row), ('b', self.cls_row), ('c', self.det_row), ('d', self.point_row)]:
            self.csv(name, [make(index) for index in range(count)])
        return self


@pytest.fixture
def fmc_root(tmp_path: Path) -> FmcRoot:
    """An empty root to write to."""
    return FmcRoot(tmp_path / 'root')
