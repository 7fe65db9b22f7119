"""Brings numbers of the host to the device of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def tensor_like(values: Sequence[Any], like: Tensor) -> Tensor:
    """Make a tensor of numbers, with device and dtype of another tensor, without waiting for the device.

    ``new_tensor`` and ``torch.tensor(values, device=...)`` wait until the device has done all that was queued before.

    Args:
        values: Numbers, or rows of numbers.
        like: The other tensor.
    """
    return torch.tensor(values, dtype=like.dtype).to(like.device, non_blocking=True)
