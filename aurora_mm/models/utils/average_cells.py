"""Averages of a map over areas."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from aurora_mm.models.utils.map_sides import change_sides


def average_cells(level: Tensor, grid: tuple[int, int]) -> Tensor:
    """Average a map over a grid of areas, which overlap by a cell where the map cannot be divided evenly.

    The result is that of :func:`torch.nn.functional.adaptive_avg_pool2d`; for the difference, see :func:`change_sides`.

    Args:
        level: The map, ``(B, C, h, w)``.
        grid: Number of areas, (rows, columns).

    Returns:
        The averages, ``(B, C, *grid)``, with the dtype of ``level``.
    """
    h, w = map(int, level.shape[-2:])  # a side is a tensor while torch traces
    if h % grid[0] == w % grid[1] == 0:
        return F.avg_pool2d(level, (h // grid[0], w // grid[1]))
    return change_sides(level, _shares(h, grid[0], level.device), _shares(w, grid[1], level.device))


def _shares(cells: int, areas: int, device: torch.device) -> Tensor:
    """Return the weight of each cell in each area, ``(areas, cells)``: area i reaches from i / areas to (i + 1) / areas
    of the side, rounded outwards to whole cells.
    """
    area, cell = torch.arange(areas, device=device)[:, None], torch.arange(cells, device=device)
    first, last = area * cells // areas, ((area + 1) * cells - 1) // areas
    inside = (cell >= first) & (cell <= last)
    return inside / (last - first + 1)
