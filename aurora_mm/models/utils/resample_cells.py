"""Resampling of a map to cells of another size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def resample_cells(
    level: Tensor, cell: tuple[float, float], new_cell: tuple[float, float], grid: tuple[int, int]
) -> Tensor:
    """Resample a map bilinearly so that its cells have another size; the first cell begins where it began.

    Beyond the map its border cells are repeated. The result is that of :func:`torch.nn.functional.interpolate` where
    both maps cover the same part of the image.

    Args:
        level: The map, ``(B, C, h, w)``.
        cell: (height, width) of its cells in input pixels.
        new_cell: (height, width) of the new cells in input pixels.
        grid: Number of new cells, (rows, columns).

    Returns:
        The new map, ``(B, C, *grid)``, with the dtype of ``level``.
    """
    # How much of the old map, in y and x, the new one covers. The first edge of both is at -1 for `grid_sample`.
    covered_y, covered_x = (
        count * new / (int(old_count) * old)
        for count, new, old_count, old in zip(grid, new_cell, level.shape[-2:], cell, strict=True)
    )
    theta = torch.tensor([[covered_x, 0, covered_x - 1], [0, covered_y, covered_y - 1]])
    theta = theta.to(level.device, non_blocking=True)
    places = F.affine_grid(theta.expand(len(level), 2, 3), [len(level), level.shape[1], *grid], align_corners=False)
    return F.grid_sample(level.float(), places, padding_mode='border', align_corners=False).to(level.dtype)
