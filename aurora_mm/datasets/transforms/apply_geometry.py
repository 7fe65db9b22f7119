from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.datasets.geometry import translation
from aurora_mm.datasets.pixel_warping import warp_image
from aurora_mm.datasets.transforms.geometry_state import require_unwarped, rows_of
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ApplyGeometry(BaseTransform):
    """Warp the image and its annotations by ``homography_matrix``, which the transforms before composed.

    The image is interpolated only once. If it is mirrored, points and classes are also permuted by ``flip_indices``.

    Sets:
        img (np.ndarray): The warped image, (h, w, 3) uint8.
        img_coordinates (str): ``'network'``.
        warped_shape (tuple[int, int]): (h, w). Later transforms must not change the size.
        gt_coordinates (str): ``'network'``, if annotations were loaded. They are then float32.

    Args:
        fill: Value of pixels outside of the original image, or of what CropToUltrasound left of it. In masks they are
            background.

    Raises:
        ConfigError: If the image was already warped.
    """

    def __init__(self, fill: int = 0) -> None:
        self.fill = fill

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        require_unwarped(results, self)
        height, width = results['ori_shape']
        x1, y1, x2, y2 = results.get('crop', (0, 0, width, height))
        results['img'] = warp_image(
            results['img'],
            results['homography_matrix'] @ translation(x1, y1),
            results['img_shape'],
            self.fill,
            (y2 - y1, x2 - x1),
            results.get('reduction', 1),
        )
        results['img_coordinates'] = 'network'
        results['warped_shape'] = results['img_shape']
        for row in rows_of(results):
            if 'gt_coordinates' in row:
                ANNOTATIONS[row['task_type']].warp(row)
                row['gt_coordinates'] = 'network'
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(fill={self.fill})'
