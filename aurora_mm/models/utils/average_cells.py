"""Averages of a map over areas."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from aurora_mm.models.utils.map_axes import averaging_weights, change_axes


def average_cells(level: Tensor, grid: tuple[int, int]) -> Tensor:
    """Average a map over a grid of areas, which overlap by a cell where the map cannot be divided evenly.

    The result is that of :func:`torch.nn.functional.adaptive_avg_pool2d`; for the difference, see :func:`change_axes`.

    Args:
        level: The map, ``(B, C, h, w)``.
        grid: Number of areas, (rows, columns).

    Returns:
        The averages, ``(B, C, *grid)``, with the dtype of ``level``.
    """
    h, w = map(int, level.shape[-2:])  # a side is a tensor while torch traces
    if h % grid[0] == w % grid[1] == 0:
        return F.avg_pool2d(level, (h // grid[0], w // grid[1]))
    return change_axes(level, averaging_weights(grid[0], h), averaging_weights(grid[1], w))
