from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.structures import PixelData

from aurora_mm.annotations import ANNOTATIONS, Annotation, row_error
from aurora_mm.challenge.csv_cells import BadRow, Files
from aurora_mm.datasets.annotations.flipped_classes import class_after_flip
from aurora_mm.datasets.annotations.image_checks import check_lies_on_image
from aurora_mm.datasets.annotations.pipeline_checks import classes_fault, mask_fault
from aurora_mm.datasets.masks import read_class_indices
from aurora_mm.datasets.pixel_warping import warp_mask
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.retries import read_with_retries
from aurora_mm.structures import IGNORED, TaskDataSample
from aurora_mm.tasks import Task


class MaskAnnotation(Annotation):
    """Mask of a segmentation task: the class index of each pixel, with the background as class 0.

    Masks of mmseg's data sets may contain the value 255, for pixels to ignore.

    - CSV file: the column ``mask_path``, the path of an image file.
    - Item of a data set: ``seg_map_path``.
    - Pipeline: ``gt_seg_map``, (H, W) uint8.
    - Data sample: ``gt_sem_seg`` with ``data``, (1, H, W) int64, as losses of mmseg need it.
    """

    keys = ('seg_map_path',)
    csv_columns = ('mask_path',)

    def parse(self, cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
        return {'seg_map_path': files.locate('mask_path', cells['mask_path'])[0]}

    def is_given(self, cells: Mapping[str, str], task: Task, files: Files) -> bool:
        # Unlabelled data has the column too: it is the path for the predicted mask.
        try:
            return bool(cells.get('mask_path')) and bool(self.parse(cells, task, files))
        except BadRow:
            return False

    def load(self, row: dict[str, Any]) -> None:
        path = row['seg_map_path']
        try:
            mask, orientation = read_with_retries(
                read_class_indices, path, row['num_outputs'], row['task'], row.get('class_of_value')
            )
        except BadImage as bad:
            raise row_error(row, f'mask {path} {bad}') from bad
        check_lies_on_image(path, mask.shape, orientation, row)
        row['gt_seg_map'] = mask

    def warp(self, row: dict[str, Any]) -> None:
        row['gt_seg_map'] = warp_mask(row['gt_seg_map'], row['homography_matrix'], row['img_shape'])
        if row['flip']:
            after = np.arange(256, dtype=np.uint8)  # pixels to ignore keep their value
            after[: row['num_outputs']] = class_after_flip(row)
            row['gt_seg_map'] = cv2.LUT(row['gt_seg_map'], after)

    def fault(self, row: Mapping[str, Any]) -> str | None:
        mask = row['gt_seg_map']
        return mask_fault('gt_seg_map', mask, row) or classes_fault('gt_seg_map', mask, row, IGNORED)

    def pack(self, row: Mapping[str, Any], sample: TaskDataSample) -> None:
        sample.gt_sem_seg = PixelData(data=torch.from_numpy(row['gt_seg_map']).long()[None])


ANNOTATIONS['segmentation'] = MaskAnnotation()
