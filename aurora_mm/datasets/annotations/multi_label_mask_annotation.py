from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData

from aurora_mm.annotations import ANNOTATIONS, Annotation, row_error
from aurora_mm.challenge.csv_cells import BadRow, Files, texts
from aurora_mm.datasets.annotations.flipped_classes import applied_flip_indices
from aurora_mm.datasets.annotations.image_checks import check_lies_on_image
from aurora_mm.datasets.annotations.pipeline_checks import mask_fault
from aurora_mm.datasets.class_masks import read_class_mask, read_class_masks
from aurora_mm.datasets.pixel_warping import warp_mask
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.retries import read_with_retries
from aurora_mm.structures import IGNORED, TaskDataSample
from aurora_mm.tasks import Task


class MultiLabelMaskAnnotation(Annotation):
    """A mask for each class of a segmentation task whose classes may overlap; there is no background class.

    Legend: C classes.

    - CSV file: the column ``mask_paths``, JSON text with the path of a mask file for each class, such as
      ``["../masks/1_head.png", "../masks/1_midline.png"]``. ``null`` in place of a path says that the class is not
      labelled in this image: neither losses nor scores count it. One path for several classes is that of a file for
      all, see :func:`~aurora_mm.datasets.class_masks.read_class_masks`.
    - Item of a data set: ``class_mask_paths``, C paths or None, or one path.
    - Pipeline: ``gt_class_masks``, (C, H, W) uint8: 1 inside of the class, 0 outside, and 255 everywhere for a class
      that is not labelled.
    - Data sample: ``gt_class_masks`` with ``data``, (C, H, W) uint8, as in the pipeline.
    """

    keys = ('class_mask_paths',)
    csv_columns = ('mask_paths',)
    repeated_hint = 'the masks of all classes of an image stand in one row'

    def parse(self, cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
        paths = texts('mask_paths', cells['mask_paths'])
        if len(paths) not in (1, task.num_outputs):
            raise BadRow(
                f'mask_paths has {len(paths)} paths for the {task.num_outputs} classes of {task.name!r}; it needs one '
                'for each class, null where a class is not labelled, or one file for all'
            )
        if not any(paths):
            raise BadRow('mask_paths labels no class')
        return {'class_mask_paths': [path and files.locate('mask_paths', path)[0] for path in paths]}

    def moved_paths(self, cells: Mapping[str, str], move: Callable[[str], str]) -> dict[str, str]:
        paths = texts('mask_paths', cells['mask_paths'])
        return {'mask_paths': json.dumps([path and move(path) for path in paths])}

    def load(self, row: dict[str, Any]) -> None:
        paths, count = row['class_mask_paths'], row['num_outputs']
        if len(paths) == count:
            masks = np.full((count, *row['ori_shape']), IGNORED, np.uint8)
            for label, path in enumerate(paths):
                if path is not None:
                    masks[label] = _read(row, path, read_class_mask)
        else:
            masks = _read(row, paths[0], read_class_masks, count)
        row['gt_class_masks'] = masks

    def warp(self, row: dict[str, Any]) -> None:
        original = [row['gt_class_masks'][label] for label in applied_flip_indices(row)]
        row['gt_class_masks'] = np.stack(
            [
                # Pixels beyond the image are outside of a class, but not labelled either where the class is not.
                np.full(row['img_shape'], IGNORED, np.uint8)
                if mask[0, 0] == IGNORED
                else warp_mask(mask, row['homography_matrix'], row['img_shape'])
                for mask in original
            ]
        )

    def fault(self, row: Mapping[str, Any]) -> str | None:
        masks = row['gt_class_masks']
        values = set(np.unique(masks).tolist())
        if len(masks) != row['num_outputs'] or not values <= {0, 1, IGNORED}:
            return f'gt_class_masks holds {len(masks)} masks with the values {sorted(values)[:5]}'
        return mask_fault('gt_class_masks', masks, row)

    def pack(self, row: Mapping[str, Any], sample: TaskDataSample) -> None:
        sample.gt_class_masks = PixelData(data=torch.from_numpy(np.ascontiguousarray(row['gt_class_masks'])))


def _read(
    row: Mapping[str, Any], path: str, read: Callable[..., tuple[np.ndarray, int]], *arguments: Any
) -> np.ndarray:
    """Read a mask file, and check that it lies on the image of its row."""
    try:
        masks, orientation = read_with_retries(read, path, *arguments)
    except BadImage as bad:
        raise row_error(row, f'mask {path} {bad}') from bad
    check_lies_on_image(path, masks.shape[-2:], orientation, row)
    return masks


ANNOTATIONS['multi_label_segmentation'] = MultiLabelMaskAnnotation()
