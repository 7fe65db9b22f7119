from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import BaseDataElement

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.datasets.transforms.geometry_state import COMPOSED, FOREIGN_GEOMETRY, USE_OURS, require_loaded, rows_of
from aurora_mm.errors import ConfigError
from aurora_mm.images.shared_channels import shared_plane
from aurora_mm.registry import TRANSFORMS
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample

META_KEYS = (
    'task',
    'task_type',
    'num_outputs',
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
        ConfigError: If the image was not loaded; if the pipeline changes ``homography_matrix`` or reduces the image but
            has no ApplyGeometry; or if a transform of another package changed the geometry, because predictions could
            then not be mapped to the original image.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        require_loaded(results, self)
        if results['img_coordinates'] == 'original' and not np.array_equal(results['homography_matrix'], np.eye(3)):
            raise ConfigError('PackMultiTaskInputs: the pipeline composes a matrix but has no ApplyGeometry')
        if results['img_coordinates'] == 'original' and results.get('reduction', 1) > 1:
            raise ConfigError('PackMultiTaskInputs: least_side of LoadUltrasoundImage needs ApplyGeometry')
        _refuse_foreign_geometry(results)
        scale = _scale_factor(results['homography_matrix'])
        task_samples = [self._sample(row, scale) for row in rows_of(results)]
        metainfo = {key: value for key, value in task_samples[0].metainfo_items() if key in _OF_THE_IMAGE}
        sample = MultiTaskDataSample()
        _set_metainfo(sample, metainfo)
        for task_sample in task_samples:
            sample.add(task_sample)
        return dict(inputs=channels_first(results['img']), data_samples=sample)

    def _sample(self, row: dict[str, Any], scale: dict[str, Any]) -> TaskDataSample:
        sample = TaskDataSample()
        _set_metainfo(sample, {key: row[key] for key in self.meta_keys if key in row} | scale)
        if 'gt_coordinates' in row:
            annotation = ANNOTATIONS[row['task_type']]
            if row['gt_coordinates'] == 'original':
                _set_metainfo(sample, annotation.metainfo(row))
            annotation.pack(row, sample)
        return sample

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'


def _scale_factor(homography_matrix: np.ndarray) -> dict[str, Any]:
    """Return ``scale_factor``, (x, y) network pixels per original pixel, or nothing if a matrix does not only scale."""
    scale_x, scale_y = float(homography_matrix[0, 0]), float(homography_matrix[1, 1])
    # mmdet's heads divide boxes by it, which is only correct without rotation, flip and shift.
    if min(scale_x, scale_y) > 0 and np.array_equal(homography_matrix, np.diag([scale_x, scale_y, 1.0])):
        return dict(scale_factor=(scale_x, scale_y))
    return {}


def _set_metainfo(sample: BaseDataElement, metainfo: Mapping[str, Any]) -> None:
    """Set metainfo as ``set_metainfo`` does, without its deep copy: only arrays are changed in place in a pipeline."""
    for key, value in metainfo.items():
        sample.set_field(value.copy() if isinstance(value, np.ndarray) else value, key, field_type='metainfo')


def channels_first(image: np.ndarray) -> torch.Tensor:
    """Return an image (h, w, 3) as a tensor (3, h, w) with memory of its own."""
    plane = shared_plane(image)
    if plane is not None:
        return torch.from_numpy(np.repeat(plane[None], image.shape[2], axis=0))
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).contiguous()


def _refuse_foreign_geometry(results: dict[str, Any]) -> None:
    """Raise an error if a transform of another package changed the geometry, which ``homography_matrix`` lacks."""
    moved = FOREIGN_GEOMETRY & results.keys()
    matrix = results['homography_matrix']
    if not np.array_equal(matrix, results.get(COMPOSED, matrix)):
        moved |= {'homography_matrix'}
    unwarped = results['ori_shape' if results['img_coordinates'] == 'original' else 'img_shape']
    warped_to = tuple(results.get('warped_shape', unwarped))
    if moved or results['img'].shape[:2] != warped_to:
        signs = ', '.join(sorted(moved)) or f'its size is {results["img"].shape[:2]} and not {warped_to}'
        raise ConfigError(f'PackMultiTaskInputs: a transform of another package moved the pixels ({signs}); {USE_OURS}')
