from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.datasets.transforms.geometry_state import rows_of
from aurora_mm.datasets.transforms.option_checks import check_number
from aurora_mm.errors import ConfigError
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LandmarkJitter(BaseTransform):
    """Move each annotated landmark by Gaussian noise, for training pipelines.

    People who annotate the same landmark differ by a few pixels. The noise tells the head not to trust a single
    position more than that. The image and the annotations of other types stay as they are.

    The transform must come after ApplyGeometry, because the noise is in pixels of the network input. Landmarks are kept
    inside of it. Pairs of points with an order (``ordered`` of a task) swap their names if the noise reverses it.

    Args:
        sigma: Standard deviation of the noise in x and in y, in pixels of the network input.

    Raises:
        ConfigError: If ``sigma`` is negative, or annotations are not in network coordinates.
    """

    def __init__(self, sigma: float = 2.0) -> None:
        self.sigma = check_number(self, 'sigma', sigma)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        for row in rows_of(results):
            if 'gt_coordinates' not in row:
                continue
            if row['gt_coordinates'] != 'network':
                raise ConfigError(
                    'LandmarkJitter needs annotations in network coordinates: put it after LoadTaskAnnotations and '
                    'ApplyGeometry, in training pipelines only'
                )
            ANNOTATIONS[row['task_type']].jitter(row, self.sigma)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(sigma={self.sigma})'
