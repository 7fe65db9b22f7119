"""Parameters and gradients of which each rank holds a part (FSDP)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor, distribute_tensor


def is_sharded(model: nn.Module) -> bool:
    """Return whether a module of a model is sharded, see :func:`aurora_mm.engine.shard_blocks`."""
    return any(isinstance(module, FSDPModule) for module in model.modules())


def local_part(tensor: Tensor) -> Tensor:
    """Return this rank's part of a sharded tensor; it shares the memory. Other tensors are returned as they are."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """Gather a sharded tensor from all ranks, which must call this together. Others are returned as they are."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def shard_like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Shard a whole tensor as a parameter is sharded; all ranks must call this together.

    Args:
        tensor: The tensor. It is returned as it is if it has another shape, or if the parameter is not sharded.
        parameter: The parameter.
    """
    if not isinstance(parameter, DTensor) or tensor.shape != parameter.shape:
        return tensor
    return distribute_tensor(tensor.to(parameter.device), parameter.device_mesh, parameter.placements)
