"""Positions of the cells of a feature map."""

from __future__ import annotations

import torch
from torch import Tensor


def cell_centres(cells: int, like: Tensor, margin: int = 0) -> Tensor:
    """Centres of the cells along one axis, normalised by the length of the image: the first is at ``0.5 / cells``.

    Args:
        cells: Number of cells that the image is divided into.
        like: A tensor whose device and dtype the result has.
        margin: Cells of the same size beyond each end of the image; their centres lie outside [0, 1].

    Returns:
        ``(margin + cells + margin,)``, ascending.
    """
    return (torch.arange(-margin, cells + margin, device=like.device, dtype=like.dtype) + 0.5) / cells
