"""Resampling of a map to cells of another size."""

from __future__ import annotations

from torch import Tensor

from aurora_mm.models.utils.map_axes import change_axes, sampling_weights


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
        sampling_weights(new_cells, new / (old * int(cells)), 0.0, int(cells))  # a side is a tensor while torch traces
        for cells, new_cells, old, new in zip(level.shape[-2:], grid, cell, new_cell, strict=True)
    )
    return change_axes(level, rows, columns)
