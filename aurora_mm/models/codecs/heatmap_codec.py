from __future__ import annotations

import torch
from torch import Tensor

from aurora_mm.models.codecs.base_codec import BaseLandmarkCodec
from aurora_mm.models.utils.cells import cell_centres
from aurora_mm.registry import TASK_UTILS

_STEPS = 6  # of Newton's method: exact to 1e-4 of a cell for points 0.02 cells within the outermost centre
_REACH = 0.02  # cells


@TASK_UTILS.register_module()
class HeatmapCodec(BaseLandmarkCodec):
    """A landmark is a Gaussian over the cells; the landmark of a map is its mean position.

    The mean of a map that sums to 1 is differentiable and not tied to the cells (integral regression,
    https://arxiv.org/abs/1711.08229). A Gaussian that the border of the map cuts off has its mean further inside, by
    more than a cell for a point on the border. So maps go a few cells beyond the image, and where the border still cuts
    the Gaussian, its centre is moved until the mean of what is left is the landmark.

    Legend: B images, K points, h x w cells of the image, m cells of margin. Points are x, y, normalised to [0, 1] by
    the network input's size.

    Args:
        sigma: Standard deviation of the Gaussian, in cells.
        margin: m, cells of the map beyond each side of the image. Points up to m - 0.5 cells outside the image have
            maps of their own; a point further out has the map of the nearest of these.
    """

    def __init__(self, sigma: float = 1.5, margin: int = 2) -> None:
        self.sigma = sigma
        self.margin = margin

    def encode(self, points: Tensor, grid: tuple[int, int]) -> Tensor:
        """Maps of points.

        Args:
            points: ``(..., 2)``, x and y.
            grid: ``(h, w)``.

        Returns:
            ``(..., h + 2 m, w + 2 m)``; each map sums to 1.
        """
        h, w = grid
        return self._along(points[..., 1:], h)[..., :, None] * self._along(points[..., :1], w)[..., None, :]

    def decode(self, maps: Tensor) -> Tensor:
        """Mean positions of maps.

        Args:
            maps: ``(..., h + 2 m, w + 2 m)``; each sums to 1.

        Returns:
            ``(..., 2)``, x and y.
        """
        h, w = (side - 2 * self.margin for side in maps.shape[-2:])
        x = (maps.sum(-2) * cell_centres(w, maps, self.margin)).sum(-1)
        y = (maps.sum(-1) * cell_centres(h, maps, self.margin)).sum(-1)
        return torch.stack([x, y], dim=-1)

    def _along(self, positions: Tensor, cells: int) -> Tensor:
        """Gaussians along one axis, ``(..., 1)`` -> ``(..., cells + 2 m)``, whose means are the positions.

        ``exp(-z^2 / 2 + t z)``, with z the distance from the position in sigmas, is a Gaussian with its centre moved
        by t sigmas. The derivative of its mean by t is its variance.
        """
        centres = cell_centres(cells, positions, self.margin)
        reach = _REACH / cells
        z = (centres - positions.clamp(centres[0] + reach, centres[-1] - reach)) * (cells / self.sigma)
        t = torch.zeros_like(positions)
        for _ in range(_STEPS):
            weights = (t * z - z**2 / 2).softmax(-1)
            mean = (weights * z).sum(-1, keepdim=True)
            variance = (weights * z**2).sum(-1, keepdim=True) - mean**2
            t = t - mean / variance.clamp(min=1e-4)  # 0 where there is but one cell
        return (t * z - z**2 / 2).softmax(-1)
