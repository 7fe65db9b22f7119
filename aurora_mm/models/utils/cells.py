"""Positions of the cells of a feature map."""

from __future__ import annotations

import torch
from torch import Tensor


def cell_centres(cells: int, like: Tensor, margin: int = 0) -> Tensor:
    """Return the centres of cells along one axis, normalised by the length of the image: the first is ``0.5 / cells``.

    Args:
        cells: Number of cells along the image.
        like: A tensor; the result has its device and dtype.
        margin: Number of further cells beyond each end of the image, with centres outside [0, 1].

    Returns:
        Centres ``(margin + cells + margin,)``, ascending.
    """
    return torch.arange(0.5 - margin, cells + margin, device=like.device, dtype=like.dtype) / cells
