from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.datasets.geometry import warp_image
from aurora_mm.datasets.transforms.geometry_state import require_unwarped, rows_of
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ApplyGeometry(BaseTransform):
    """Warp the image, once, by the ``homography_matrix`` that earlier transforms composed, and any annotation with it.

    On a mirrored image the task's swaps take effect: points trade places (``flip_indices``), classes their values.
    Annotations that were warped are in network coordinates, ``gt_coordinates='network'``, and of single precision. Sets
    ``warped_shape`` too, the size that nothing may change any more.

    Args:
        fill: Value of the pixels that lie outside the original image. Masks are background there.
    """

    def __init__(self, fill: int = 0) -> None:
        self.fill = fill

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        require_unwarped(results, self)
        results['img'] = warp_image(results['img'], results['homography_matrix'], results['img_shape'], self.fill)
        results['img_coordinates'] = 'network'
        results['warped_shape'] = results['img_shape']
        for row in rows_of(results):
            if 'gt_coordinates' in row:
                ANNOTATIONS[row['task_type']].warp(row)
                row['gt_coordinates'] = 'network'
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(fill={self.fill})'
