from __future__ import annotations

import torch
from torch import Tensor

from aurora_mm.models.codecs.base_codec import BaseLandmarkCodec
from aurora_mm.models.utils.cells import cell_centres
from aurora_mm.models.utils.tensor_like import tensor_like
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
        # Both axes at once, the shorter one with cells that get no part of the Gaussian.
        along = self._along(points, (w, h))
        across, down = along[..., 0, : w + 2 * self.margin], along[..., 1, : h + 2 * self.margin]
        return down[..., :, None] * across[..., None, :]

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

    def _along(self, positions: Tensor, cells: tuple[int, int]) -> Tensor:
        """Compute Gaussians along both axes whose means are the positions.

        ``exp(-z^2 / 2 + t z)``, where z is the distance from the position in sigmas, is a Gaussian with its centre
        moved by t sigmas. The derivative of its mean with respect to t is its variance.

        Args:
            positions: ``(..., 2)``, a position on each axis.
            cells: Number of cells of the image along each axis.

        Returns:
            ``(..., 2, longest)``, where longest is the larger number of cells + 2 m; 0 behind the cells of an axis.
        """
        counts = tensor_like(cells, positions)[:, None]  # (2, 1)
        # In cells from the border of the image, (..., 2, longest). Positions are kept within the outermost centres.
        centres = torch.arange(0.5 - self.margin, max(cells) + self.margin, device=counts.device, dtype=counts.dtype)
        outermost = self.margin - 0.5 - _REACH
        wanted = torch.minimum((positions[..., None] * counts).clamp(min=-outermost), counts + outermost)
        z = (centres - wanted) / self.sigma
        powers = torch.stack([z, z**2])  # of which the means are the moments
        bell = (powers[1] / -2).masked_fill(centres > counts + self.margin, -torch.inf)
        t = torch.zeros_like(wanted)
        for _ in range(_STEPS):
            weights = torch.addcmul(bell, t, z).softmax(-1)
            mean, square = (weights * powers).sum(-1, keepdim=True)
            variance = torch.addcmul(square, mean, mean, value=-1)
            t = torch.addcdiv(t, mean, variance.clamp(min=1e-4), value=-1)  # one cell alone has no variance
        return torch.addcmul(bell, t, z).softmax(-1)
