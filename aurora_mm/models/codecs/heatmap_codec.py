"""Landmarks as probability maps on a grid of cells, and back, finer than a cell."""

from __future__ import annotations

import torch
from torch import Tensor

from aurora_mm.registry import TASK_UTILS


@TASK_UTILS.register_module()
class HeatmapCodec:
    """A landmark is a Gaussian over the cells; a map's mean position is its landmark.

    Taking the mean of a map that sums to 1 is differentiable and not tied to the cells (integral regression,
    https://arxiv.org/abs/1711.08229).

    Legend: B images, K points, h x w cells. Points are x, y, normalised to [0, 1] by the network input's size.

    Args:
        sigma: Standard deviation of the Gaussian, in cells of the grid.
    """

    def __init__(self, sigma: float = 1.5) -> None:
        self.sigma = sigma

    def encode(self, points: Tensor, grid: tuple[int, int]) -> Tensor:
        """Maps ``(..., h, w)`` of points ``(..., 2)``; each sums to 1, also that of a point outside [0, 1]."""
        h, w = grid
        xs, ys = _centres(w, points), _centres(h, points)
        across = -(((xs - points[..., :1]) * w / self.sigma) ** 2) / 2
        down = -(((ys - points[..., 1:]) * h / self.sigma) ** 2) / 2
        return down.softmax(-1)[..., :, None] * across.softmax(-1)[..., None, :]

    def decode(self, maps: Tensor) -> Tensor:
        """Points ``(..., 2)``, the mean positions of maps ``(..., h, w)`` that sum to 1."""
        h, w = maps.shape[-2:]
        x = (maps.sum(-2) * _centres(w, maps)).sum(-1)
        y = (maps.sum(-1) * _centres(h, maps)).sum(-1)
        return torch.stack([x, y], dim=-1)


def _centres(cells: int, like: Tensor) -> Tensor:
    """(cells,): the cells' centres in [0, 1]."""
    return (torch.arange(cells, device=like.device, dtype=like.dtype) + 0.5) / cells
