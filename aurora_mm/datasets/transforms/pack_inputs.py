from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.datasets.transforms.geometry_state import COMPOSED, rows_of
from aurora_mm.errors import ConfigError
from aurora_mm.images.shared_channels import shared_plane
from aurora_mm.registry import TRANSFORMS
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample

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
    'homography_matrix',
    'flip',
    'gt_coordinates',
    'pixel_spacing',
)

# Metainfo that the tasks of an image share; ``img_id`` is that of its first row.
_OF_THE_IMAGE = (
    'img_id',
    'img_path',
    'ori_shape',
    'img_shape',
    'homography_matrix',
    'flip',
    'scale_factor',
    'gt_coordinates',
    'pixel_spacing',
)

# Keys that geometric transforms of other packages add to the results.
_FOREIGN_GEOMETRY = {'scale_factor', 'flip_direction', 'pad_shape', 'crop_size'}


@TRANSFORMS.register_module()
class PackMultiTaskInputs(BaseTransform):
    """Pack the image and the annotations of its tasks into the inputs of the model.

    Returns a dict with:

    - ``inputs``: (3, h, w) uint8 BGR,
    - ``data_samples``: a :class:`MultiTaskDataSample` with a :class:`TaskDataSample` for each task of the image.

    The metainfo of a task sample contains the ``meta_keys``. If the image was scaled but not rotated, flipped or
    shifted, it also contains ``scale_factor``; and for boxes in original coordinates ``instances``. The metainfo of the
    image's sample contains those of the keys that are the same for all tasks.

    Args:
        meta_keys: Keys of ``results`` that are copied to the metainfo, if they exist.

    Raises:
        ConfigError: If the pipeline changes ``homography_matrix`` or reduces the image but has no ApplyGeometry; or if
            a transform of another package changed the geometry, because predictions could then not be mapped to the
            original image.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        if results['img_coordinates'] == 'original' and not np.array_equal(results['homography_matrix'], np.eye(3)):
            raise ConfigError('PackMultiTaskInputs: the pipeline composes a matrix but has no ApplyGeometry')
        if results['img_coordinates'] == 'original' and results.get('reduction', 1) > 1:
            raise ConfigError('PackMultiTaskInputs: least_side of LoadUltrasoundImage needs ApplyGeometry')
        _refuse_foreign_geometry(results)
        task_samples = [self._sample(row) for row in rows_of(results)]
        metainfo = {key: value for key, value in task_samples[0].metainfo_items() if key in _OF_THE_IMAGE}
        sample = MultiTaskDataSample(task_samples, metainfo=metainfo)
        return dict(inputs=channels_first(results['img']), data_samples=sample)

    def _sample(self, results: dict[str, Any]) -> TaskDataSample:
        sample = TaskDataSample(metainfo=self._metainfo(results))
        if 'gt_coordinates' in results:
            ANNOTATIONS[results['task_type']].pack(results, sample)
        return sample

    def _metainfo(self, results: dict[str, Any]) -> dict[str, Any]:
        metainfo = {key: results[key] for key in self.meta_keys if key in results}
        scale_x, scale_y = np.diag(results['homography_matrix'])[:2].tolist()
        # mmdet's heads divide boxes by it, which is only correct without rotation, flip and shift.
        if np.array_equal(results['homography_matrix'], np.diag([scale_x, scale_y, 1.0])) and min(scale_x, scale_y) > 0:
            metainfo['scale_factor'] = (scale_x, scale_y)
        if results.get('gt_coordinates') == 'original':
            metainfo |= ANNOTATIONS[results['task_type']].metainfo(results)
        return metainfo

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'


def channels_first(image: np.ndarray) -> torch.Tensor:
    """Return an image (h, w, 3) as a tensor (3, h, w) with memory of its own."""
    plane = shared_plane(image)
    if plane is not None:
        return torch.from_numpy(np.repeat(plane[None], image.shape[2], axis=0))
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).contiguous()


def _refuse_foreign_geometry(results: dict[str, Any]) -> None:
    """Raise an error if a transform of another package changed the geometry, which ``homography_matrix`` lacks."""
    moved = _FOREIGN_GEOMETRY & results.keys()
    matrix = results['homography_matrix']
    if not np.array_equal(matrix, results.get(COMPOSED, matrix)):
        moved.add('homography_matrix')
    unwarped = results['ori_shape' if results['img_coordinates'] == 'original' else 'img_shape']
    warped_to = tuple(results.get('warped_shape', unwarped))
    if moved or results['img'].shape[:2] != warped_to:
        signs = ', '.join(sorted(moved)) or f'its size is {results["img"].shape[:2]} and not {warped_to}'
        raise ConfigError(
            f'PackMultiTaskInputs: a transform of another package moved the pixels ({signs}); use FitToSize, '
            'RandomGeometry and ApplyGeometry for that'
        )
