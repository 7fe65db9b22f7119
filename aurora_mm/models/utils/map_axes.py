"""Linear changes of a map along its two axes."""

from __future__ import annotations

import torch
from torch import Tensor

from aurora_mm.models.utils.without_autocast import without_autocast


def change_axes(level: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Multiply rows and columns of a map by a matrix each, without the rounding of mixed precision.

    Products of matrices have gradients that are the same in each run on a GPU, which those of
    :func:`torch.nn.functional.grid_sample` and :func:`torch.nn.functional.adaptive_avg_pool2d` do not
    (see :func:`torch.use_deterministic_algorithms`).

    Args:
        level: The map, ``(..., h, w)``.
        rows: Weights of the old rows in each new one, ``(new h, h)``, on any device.
        columns: Weights of the old columns in each new one, ``(new w, w)``, on any device.

    Returns:
        The new map, ``(..., new h, new w)``, with device and dtype of ``level``.
    """
    dtype = torch.promote_types(level.dtype, torch.float32)
    rows, columns = (weights.to(level.device, dtype, non_blocking=True) for weights in (rows, columns))
    with without_autocast(level):
        return (rows @ level.to(dtype) @ columns.T).to(level.dtype)


def sampling_weights(size: int, scale: float, shift: float, count: int) -> Tensor:
    """Return the weight of each of ``count`` cells along an axis in each of ``size`` samples, by linear interpolation.

    Beyond the centre of the outermost cells, these count alone.

    Args:
        size: Number of samples.
        scale: Fraction of the map from one sample to the next; negative in a mirrored image.
        shift: Position of the edge of the first sample, as a fraction of the map.
        count: Number of cells.

    Returns:
        Weights, ``(size, count)``, fp64, on the CPU.
    """
    centres = torch.arange(size, dtype=torch.float64, device='cpu') + 0.5
    places = ((centres * scale + shift) * count - 0.5).clamp(0, count - 1)
    return (1 - (places[:, None] - torch.arange(count, device='cpu')).abs()).clamp(min=0)


def averaging_weights(areas: int, count: int) -> Tensor:
    """Return the weight of each of ``count`` cells along an axis in the average of each of ``areas`` equal areas.

    Area i reaches from i / areas to (i + 1) / areas of the axis, rounded outwards to whole cells.

    Args:
        areas: Number of areas.
        count: Number of cells.

    Returns:
        Weights, ``(areas, count)``, fp32, on the CPU.
    """
    area, cell = torch.arange(areas, device='cpu')[:, None], torch.arange(count, device='cpu')
    first, last = area * count // areas, ((area + 1) * count - 1) // areas
    return ((cell >= first) & (cell <= last)) / (last - first + 1)
