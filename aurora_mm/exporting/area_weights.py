"""Resizing of an axis as a product with a matrix, which every export format has."""

from __future__ import annotations

import torch
from torch import Tensor

from aurora_mm.models.utils.linear_weights import linear_weights


def area_weights(target: int, source: int, like: Tensor) -> Tensor:
    """Return the weights that resize an axis as :func:`aurora_mm.datasets.pixel_warping.warp_image` does.

    An axis that shrinks is averaged over areas, one that grows is interpolated linearly.

    Args:
        target: Number of pixels after resizing.
        source: Number of pixels before, which may be symbolic.
        like: A tensor, whose device and dtype the result has.

    Returns:
        ``(target, source)``; each row sums to 1.
    """
    # A tensor, because a comparison of a symbolic number would fix its value in the exported graph.
    length = torch.scalar_tensor(source, dtype=torch.float64, device=like.device)
    scale = length / target
    first = torch.arange(target, dtype=torch.float64, device=like.device)[:, None] * scale
    pixels = torch.arange(source, dtype=torch.float64, device=like.device)
    area = (torch.minimum(first + scale, pixels + 1) - torch.maximum(first, pixels)).clamp(min=0) / scale
    return torch.where(scale >= 1, area, linear_weights(target, source, length)).to(like)
