from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.datasets.geometry import flip_matrix, rotate_scale_translate_matrix
from aurora_mm.datasets.transforms.geometry_state import compose, require_unwarped, rows_of
from aurora_mm.registry import TRANSFORMS

_TRIES = 10


@TRANSFORMS.register_module()
class RandomGeometry(BaseTransform):
    """Compose a random flip, rotation, scaling and shift onto ``homography_matrix``; ApplyGeometry carries them out.

    Comes after FitToSize: rotation and shift are meant in network coordinates. An image is mirrored only where the
    task allows it (``may_flip``). A draw that would hide more than half of a box or push a landmark out of the frame
    is drawn again, up to 10 times; after that the image stays as it is, but for the flip.

    Sets ``flip`` (bool): whether the image is mirrored.

    Args:
        flip_prob: Probability of the flip.
        degrees: Rotations are uniform within plus and minus this.
        scale: (least, largest) factor, uniform.
        shift: Largest shift of each axis, as a fraction of the frame's side.
        prob: Probability that the image is rotated, scaled and shifted at all.
    """

    def __init__(
        self,
        flip_prob: float = 0.5,
        degrees: float = 15.0,
        scale: tuple[float, float] = (0.85, 1.2),
        shift: float = 0.06,
        prob: float = 1.0,
    ) -> None:
        self.flip_prob = flip_prob
        self.degrees = degrees
        self.scale = (scale[0], scale[1])
        self.shift = shift
        self.prob = prob

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        require_unwarped(results, self)
        size = results['img_shape']
        rows = rows_of(results)
        if all(row['may_flip'] for row in rows) and np.random.random() < self.flip_prob:
            compose(results, flip_matrix(size))
            results['flip'] = not results['flip']
        if np.random.random() < self.prob:
            for _ in range(_TRIES):
                drawn = self._draw(size)
                matrix = drawn @ results['homography_matrix']
                if all(ANNOTATIONS[row['task_type']].in_view(row, matrix) for row in rows if 'gt_coordinates' in row):
                    compose(results, drawn)
                    break
        return results

    def _draw(self, size: tuple[int, int]) -> np.ndarray:
        shift = np.random.uniform(-self.shift, self.shift, 2) * (size[1], size[0])
        degrees = np.random.uniform(-self.degrees, self.degrees)
        return rotate_scale_translate_matrix(size, degrees, np.random.uniform(*self.scale), shift)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(flip_prob={self.flip_prob}, degrees={self.degrees}, scale={self.scale}, '
            f'shift={self.shift}, prob={self.prob})'
        )
