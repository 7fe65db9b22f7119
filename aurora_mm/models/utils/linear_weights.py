"""Linear interpolation of an axis as a product with a matrix, which every export format has."""

from __future__ import annotations

import torch
from torch import Tensor


def linear_weights(target: int, source: int, like: Tensor) -> Tensor:
    """Return the weights that interpolate an axis linearly at the centres of other pixels.

    Args:
        target: Number of pixels after resizing, which may be symbolic.
        source: Number of cells before, over the same length.
        like: A tensor, whose device and dtype the result has.

    Returns:
        ``(target, source)``; each row sums to 1.
    """
    length = torch.scalar_tensor(target, dtype=torch.float64, device=like.device)
    centres = torch.arange(target, device=like.device, dtype=torch.float64)[:, None] + 0.5
    places = (centres * (source / length) - 0.5).clamp(0, source - 1)
    cells = torch.arange(source, device=like.device, dtype=torch.float64)
    return (1 - (places - cells).abs()).clamp(min=0).to(like)
