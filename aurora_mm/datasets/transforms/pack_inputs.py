from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData, PixelData

from aurora_mm.errors import ConfigError
from aurora_mm.registry import TRANSFORMS
from aurora_mm.structures import MultiTaskDataSample

META_KEYS = (
    'task',
    'task_type',
    'img_id',
    'img_path',
    'group',
    'image_path',
    'mask_path',
    'csv_file',
    'csv_row',
    'ori_shape',
    'img_shape',
    'matrix',
    'flip',
    'gt_frame',
)


@TRANSFORMS.register_module()
class PackMultiTaskInputs(BaseTransform):
    """Pack ``results`` into what the model takes.

    Returns ``inputs``, (3, h, w) uint8 BGR, and ``data_samples``, a MultiTaskDataSample with the annotations found.
    Beside the ``meta_keys`` its metainfo holds ``scale_factor`` where the image was scaled and nothing else, and
    ``instances`` for boxes in pixels of the original image.

    Args:
        meta_keys: Keys of ``results`` that become metainfo, where present.

    Raises:
        ConfigError: If ``matrix`` was composed but no ApplyGeometry carried it out.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        if results['img_frame'] == 'original' and not np.array_equal(results['matrix'], np.eye(3)):
            raise ConfigError('PackMultiTaskInputs: the pipeline composes a matrix but has no ApplyGeometry')
        sample = MultiTaskDataSample(metainfo=self._metainfo(results))
        if 'gt_frame' in results:
            _add_annotations(sample, results)
        inputs = torch.from_numpy(np.ascontiguousarray(results['img'].transpose(2, 0, 1)))
        return dict(inputs=inputs, data_samples=sample)

    def _metainfo(self, results: dict[str, Any]) -> dict[str, Any]:
        metainfo = {key: results[key] for key in self.meta_keys if key in results}
        scale_x, scale_y = np.diag(results['matrix'])[:2].tolist()
        # mmdet's heads divide boxes by it, which is right only if nothing was turned, mirrored or moved.
        if np.array_equal(results['matrix'], np.diag([scale_x, scale_y, 1.0])) and min(scale_x, scale_y) > 0:
            metainfo['scale_factor'] = (scale_x, scale_y)
        if results.get('gt_frame') == 'original' and 'gt_bboxes' in results:
            metainfo['instances'] = [
                dict(bbox=box, bbox_label=label, ignore_flag=0)
                for box, label in zip(results['gt_bboxes'].tolist(), results['gt_bboxes_labels'].tolist(), strict=True)
            ]
        return metainfo

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'


def _add_annotations(sample: MultiTaskDataSample, results: dict[str, Any]) -> None:
    if 'gt_seg_map' in results:
        sample.gt_sem_seg = PixelData(data=torch.from_numpy(results['gt_seg_map'].astype(np.int64))[None])
    if 'gt_label' in results:
        sample.gt_label = torch.tensor([results['gt_label']])
    if 'gt_bboxes' in results:
        sample.gt_instances = InstanceData(
            bboxes=torch.from_numpy(results['gt_bboxes']), labels=torch.from_numpy(results['gt_bboxes_labels'])
        )
    if 'gt_landmarks' in results:
        sample.gt_landmarks = torch.from_numpy(np.ascontiguousarray(results['gt_landmarks']))
