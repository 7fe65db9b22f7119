"""Resampling of a map to cells of another size."""

from __future__ import annotations

import torch
from torch import Tensor

from aurora_mm.models.utils.map_sides import change_sides


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
    rows, columns = (
        _weights(int(cells), new_cells, new / old, level.device)  # a side is a tensor while torch traces
        for cells, new_cells, old, new in zip(level.shape[-2:], grid, cell, new_cell, strict=True)
    )
    return change_sides(level, rows, columns)


def _weights(cells: int, new_cells: int, ratio: float, device: torch.device) -> Tensor:
    """Return the weight of each cell in each new one, ``(new_cells, cells)``, which is ``ratio`` times as long."""
    places = (torch.arange(new_cells, device=device) + 0.5) * ratio - 0.5  # of centres, in old cells
    distances = places.clamp(0, cells - 1)[:, None] - torch.arange(cells, device=device)
    return (1 - distances.abs()).clamp(min=0)
