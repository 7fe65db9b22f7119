from __future__ import annotations

import torch
from torch import Tensor

from aurora_mm.models.codecs.base_codec import BaseLandmarkCodec
from aurora_mm.models.utils.cells import cell_centres
from aurora_mm.registry import TASK_UTILS

_STEPS = 6  # Newton steps: error below 1e-4 cells for points at least 0.02 cells inside the outermost centre
_REACH = 0.02  # cells


@TASK_UTILS.register_module()
class HeatmapCodec(BaseLandmarkCodec):
    """Encodes a landmark as a Gaussian over the cells of a heatmap; decodes the mean position of a heatmap.

    The mean position is differentiable and not bound to the centres of cells (integral regression,
    https://arxiv.org/abs/1711.08229). But a Gaussian that is cut off by the border of the heatmap has its mean further
    inside, by more than a cell for a point on the border. So heatmaps extend a few cells beyond the image, and where
    the Gaussian is still cut off, its centre is moved until the mean of the rest is the landmark.

    Legend: B images, K points, h x w cells of the image, m cells of margin. Points are x and y, normalised to [0, 1] by
    the size of the network input.

    Args:
        sigma: Standard deviation of the Gaussian, in cells.
        margin: m, the cells of the heatmap beyond each side of the image. Points up to m - 0.5 cells outside the image
            have heatmaps of their own; a point further out has that of the nearest of these.
    """

    def __init__(self, sigma: float = 1.5, margin: int = 2) -> None:
        self.sigma = sigma
        self.margin = margin

    def encode(self, points: Tensor, grid: tuple[int, int]) -> Tensor:
        """Encode points to heatmaps.

        Args:
            points: ``(..., 2)``, x and y normalised.
            grid: Number of cells of the image ``(h, w)``.

        Returns:
            Heatmaps ``(..., h + 2 m, w + 2 m)``; each sums to 1.
        """
        h, w = grid
        return self._along(points[..., 1:], h)[..., :, None] * self._along(points[..., :1], w)[..., None, :]

    def decode(self, maps: Tensor) -> Tensor:
        """Decode the mean positions of heatmaps.

        Args:
            maps: Heatmaps ``(..., h + 2 m, w + 2 m)``; each sums to 1.

        Returns:
            ``(..., 2)``, x and y normalised.
        """
        h, w = (side - 2 * self.margin for side in maps.shape[-2:])
        x = (maps.sum(-2) * cell_centres(w, maps, self.margin)).sum(-1)
        y = (maps.sum(-1) * cell_centres(h, maps, self.margin)).sum(-1)
        return torch.stack([x, y], dim=-1)

    def _along(self, positions: Tensor, cells: int) -> Tensor:
        """Compute Gaussians along one axis, ``(..., 1)`` -> ``(..., cells + 2 m)``, whose means are the positions.

        ``exp(-z^2 / 2 + t z)``, where z is the distance from the position in sigmas, is a Gaussian with its centre
        moved by t sigmas. The derivative of its mean with respect to t is its variance.
        """
        centres = cell_centres(cells, positions, self.margin)
        reach = _REACH / cells
        z = (centres - positions.clamp(centres[0] + reach, centres[-1] - reach)) * (cells / self.sigma)
        t = torch.zeros_like(positions)
        for _ in range(_STEPS):
            weights = (t * z - z**2 / 2).softmax(-1)
            mean = (weights * z).sum(-1, keepdim=True)
            variance = (weights * z**2).sum(-1, keepdim=True) - mean**2
            t = t - mean / variance.clamp(min=1e-4)  # the variance is 0 if there is only one cell
        return (t * z - z**2 / 2).softmax(-1)
