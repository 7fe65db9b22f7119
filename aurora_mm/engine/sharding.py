"""Sharding of the encoder's blocks by FSDP2 with MMEngine's FlexibleRunner."""

from __future__ import annotations

from typing import Any

import torch
from mmengine._strategy import DDPStrategy
from mmengine.device import get_device
from mmengine.dist import broadcast, get_world_size
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from aurora_mm.models.backbones.qwen3_vl_layers import Block
from aurora_mm.models.utils.sharded_tensors import shard_like, whole
from aurora_mm.registry import STRATEGIES


@STRATEGIES.register_module()
class ShardedStrategy(DDPStrategy):
    """Shards the blocks of Qwen3-VL's encoder over the ranks (torch's ``fully_shard``).

    Each rank keeps a part of the weights, gradients and optimiser states of every block. The weights of a block are
    gathered by all ranks together just before it runs. Everything else is on every rank: a rank runs only the heads of
    its own batch, so that gathering heads would make ranks wait for each other forever.
    :class:`aurora_mm.engine.ShardedOptimWrapper` averages the gradients of that rest, and is needed.

    A checkpoint is one file, as a run that is not sharded writes it: it is resumed on any number of ranks, sharded or
    not, and read by all tools. Writing it takes the memory of the whole model on every rank.

    Args:
        bfloat16: Whether ranks exchange the weights of blocks in bfloat16, and compute with them; gradients are
            averaged in fp32. By default on GPUs.
        kwargs: See :class:`mmengine._strategy.DDPStrategy`, without ``model_wrapper``.
    """

    def __init__(self, *, bfloat16: bool | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bfloat16 = get_device() != 'cpu' if bfloat16 is None else bfloat16
        self._whole_model: dict[str, Tensor] = {}
        self._whole_optim: dict[str, Any] = {}

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        device = get_device()
        model = self.convert_model(model.to(device))
        for tensor in model.state_dict().values():
            broadcast(tensor)
        mesh = init_device_mesh(torch.device(device).type, (get_world_size(),))
        return shard_blocks(model, mesh, torch.bfloat16 if self.bfloat16 else None)

    def save_checkpoint(self, filename: str, **kwargs: Any) -> None:
        """Gather the state on all ranks, and write it on the first; see MMEngine's strategy."""
        self._whole_model = {name: whole(tensor).cpu() for name, tensor in self.model.state_dict().items()}
        self._whole_optim = _map_state(self.optim_wrapper.state_dict(), lambda index, tensor: whole(tensor).cpu())
        super().save_checkpoint(filename, **kwargs)
        self._whole_model, self._whole_optim = {}, {}

    def model_state_dict(self) -> dict[str, Tensor]:
        """Return the whole weights, for the checkpoint that is being saved."""
        return self._whole_model

    def optim_state_dict(self) -> dict[str, Any]:
        """Return the whole state of the optimiser, for the checkpoint that is being saved."""
        return self._whole_optim

    def load_model_state_dict(self, state_dict: dict[str, Tensor], **kwargs: Any) -> None:
        """Load this rank's part of whole weights; see MMEngine's strategy."""
        own = self.model.state_dict()
        parts = {name: shard_like(tensor, own[name]) if name in own else tensor for name, tensor in state_dict.items()}
        super().load_model_state_dict(parts, **kwargs)

    def load_optim_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load this rank's part of a whole state of the optimiser."""
        parameters = [p for group in self.optim_wrapper.optimizer.param_groups for p in group['params']]
        self.optim_wrapper.load_state_dict(
            _map_state(state_dict, lambda index, tensor: shard_like(tensor, parameters[index]))
        )


def shard_blocks(model: nn.Module, mesh: DeviceMesh, dtype: torch.dtype | None = None) -> nn.Module:
    """Shard each block of Qwen3-VL's encoders in a model, in place.

    Args:
        model: The model, on its device.
        mesh: The ranks, a mesh of one dimension.
        dtype: Precision of the gathered weights; None keeps that of the parameters.

    Returns:
        The model.
    """
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=dtype and torch.float32, cast_forward_inputs=False)
    for module in model.modules():
        if isinstance(module, Block):
            fully_shard(module, mesh=mesh, mp_policy=policy)
    return model


def _map_state(state: dict[str, Any], change: Any) -> dict[str, Any]:
    """Change the tensors in the state of an optimiser; ``change`` gets the index of the parameter and the tensor."""
    changed = {
        index: {
            key: change(index, value) if isinstance(value, Tensor) else value
            for key, value in sorted(values.items())  # ranks exchange them in one order
        }
        for index, values in sorted(state['state'].items())
    }
    return {**state, 'state': changed}
