"""Access to a model inside the wrappers of MMEngine."""

from __future__ import annotations

from typing import Any

from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import nn


def unwrap_model(model: nn.Module) -> Any:
    """Remove wrappers for several processes (DDP, FSDP) and for test-time augmentation.

    Args:
        model: A model, wrapped or not.

    Returns:
        The model without wrappers.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.get_submodule('module')
    return model
