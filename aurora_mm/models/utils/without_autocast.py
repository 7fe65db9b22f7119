"""Computation in the dtypes of the tensors, within mixed precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def without_autocast(like: Tensor) -> AbstractContextManager[object]:
    """Return a context in which autocast is off on the device of a tensor.

    Autocast does not know the device 'meta', on which shapes are computed.

    Args:
        like: The tensor.
    """
    return nullcontext() if like.is_meta else torch.autocast(like.device.type, enabled=False)
