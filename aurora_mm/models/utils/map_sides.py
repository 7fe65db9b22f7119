"""Linear changes of the two sides of a map."""

from __future__ import annotations

import torch
from torch import Tensor


def change_sides(level: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Multiply rows and columns of a map by a matrix each, without the rounding of mixed precision.

    Products of matrices have gradients that are the same in each run on a GPU, which those of
    :func:`torch.nn.functional.grid_sample` and :func:`torch.nn.functional.adaptive_avg_pool2d` do not
    (see :func:`torch.use_deterministic_algorithms`).

    Args:
        level: The map, ``(B, C, h, w)``.
        rows: Weights of the old rows in each new one, ``(new h, h)``, in fp32.
        columns: Weights of the old columns in each new one, ``(new w, w)``, in fp32.

    Returns:
        The new map, ``(B, C, new h, new w)``, with the dtype of ``level``.
    """
    dtype = torch.promote_types(level.dtype, torch.float32)
    with torch.autocast(level.device.type, enabled=False):
        return (rows.to(dtype) @ level.to(dtype) @ columns.to(dtype).T).to(level.dtype)
