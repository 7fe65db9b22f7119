from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.datasets.geometry import flip_matrix, rotate_scale_translate_matrix
from aurora_mm.datasets.transforms.geometry_state import compose, require_unwarped, rows_of
from aurora_mm.datasets.transforms.option_checks import check_number, check_range
from aurora_mm.registry import TRANSFORMS

_TRIES = 10


@TRANSFORMS.register_module()
class RandomGeometry(BaseTransform):
    """Flip the image horizontally, and rotate, scale and shift it, at random.

    Only ``homography_matrix`` changes. ApplyGeometry warps the image later. The transform must come after FitToSize,
    because the centre and the shift are in network coordinates. Where FitToSize changed the proportions, the image is
    rotated as if it had its own, so that round structures stay round and axes of ellipses stay axes.

    An image is flipped only if all of its tasks allow it (``may_flip``), and scaled only if all of them allow that
    (``may_zoom``). If more than half of a box or any landmark would be outside of the network input, rotation, scale
    and shift are drawn again, up to 10 times. After that the image is only flipped.

    Sets:
        flip (bool): Whether the image is mirrored.

    Args:
        flip_prob: Probability of the flip.
        degrees: The rotation is drawn uniformly from [-degrees, degrees]. Tasks with a ``max_rotation`` take that
            instead, and an image with several tasks the smallest of its tasks.
        scale: Smallest and largest scale factor. It is drawn uniformly between them.
        shift: Largest shift along each axis, as a fraction of that side of the network input.
        prob: Probability that the image is rotated, scaled and shifted.

    Raises:
        ConfigError: If an argument is out of range, or the image was already warped.
    """

    def __init__(
        self,
        flip_prob: float = 0.5,
        degrees: float = 15.0,
        scale: tuple[float, float] = (0.85, 1.2),
        shift: float = 0.06,
        prob: float = 1.0,
    ) -> None:
        self.flip_prob = check_number(self, 'flip_prob', flip_prob, high=1)
        self.degrees = check_number(self, 'degrees', degrees, high=180)
        self.scale = check_range(self, 'scale', scale, positive=True)
        self.shift = check_number(self, 'shift', shift, high=1)
        self.prob = check_number(self, 'prob', prob, high=1)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        require_unwarped(results, self)
        size = results['img_shape']
        rows = rows_of(results)
        if all(row['may_flip'] for row in rows) and np.random.random() < self.flip_prob:
            compose(results, flip_matrix(size))
            results['flip'] = not results['flip']
        scale = self.scale if all(row['may_zoom'] for row in rows) else (1.0, 1.0)
        degrees = min(self.degrees if row['max_rotation'] is None else row['max_rotation'] for row in rows)
        enlarged_x, enlarged_y = np.linalg.norm(results['homography_matrix'][:2, :2], axis=0)
        if np.random.random() < self.prob:
            for _ in range(_TRIES):
                drawn = self._draw(size, scale, degrees, enlarged_x / enlarged_y)
                matrix = drawn @ results['homography_matrix']
                if all(ANNOTATIONS[row['task_type']].in_view(row, matrix) for row in rows if 'gt_coordinates' in row):
                    compose(results, drawn)
                    break
        return results

    def _draw(self, size: tuple[int, int], scale: tuple[float, float], degrees: float, stretch: float) -> np.ndarray:
        shift = np.random.uniform(-self.shift, self.shift, 2) * (size[1], size[0])
        rotation = np.random.uniform(-degrees, degrees)
        return rotate_scale_translate_matrix(size, rotation, np.random.uniform(*scale), shift, stretch)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(flip_prob={self.flip_prob}, degrees={self.degrees}, scale={self.scale}, '
            f'shift={self.shift}, prob={self.prob})'
        )
