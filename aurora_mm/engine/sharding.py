"""Sharding of the encoder's blocks by FSDP2 with MMEngine's FlexibleRunner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine._strategy import DDPStrategy
from mmengine.device import get_device
from mmengine.dist import broadcast, get_world_size, is_main_process
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from aurora_mm.checkpoints import (
    SHARDS,
    insert_shards,
    load_checkpoint_file,
    read_shards,
    remove_shards,
    require_shards,
    take_shards,
    write_shards,
)
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
    not, and read by all tools. All ranks gather the whole model for it, one tensor after the other, and the first rank
    holds all of it. With ``sharded_checkpoints``, each rank writes its own part to a folder beside that file instead.
    Both are read in the same way by resuming and by all tools.

    Args:
        bfloat16: Whether ranks exchange the weights of blocks in bfloat16, and compute with them; gradients are
            averaged in fp32. By default on GPUs.
        sharded_checkpoints: Whether each rank writes its part of the sharded tensors, and reads its part when it
            resumes. Needs torch 2.9 or newer, and a work dir that all ranks share.
        kwargs: See :class:`mmengine._strategy.DDPStrategy`, without ``model_wrapper``.
    """

    def __init__(self, *, bfloat16: bool | None = None, sharded_checkpoints: bool = False, **kwargs: Any) -> None:
        if sharded_checkpoints:
            require_shards()
        super().__init__(**kwargs)
        self.bfloat16 = get_device() != 'cpu' if bfloat16 is None else bfloat16
        self.sharded_checkpoints = sharded_checkpoints
        self._model_to_save: dict[str, Tensor] = {}
        self._optim_to_save: dict[str, Any] = {}

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        device = get_device()
        model = self.convert_model(model.to(device))
        for tensor in model.state_dict().values():
            broadcast(tensor)
        mesh = init_device_mesh(torch.device(device).type, (get_world_size(),))
        return shard_blocks(model, mesh, torch.bfloat16 if self.bfloat16 else None)

    def save_checkpoint(self, filename: str, **kwargs: Any) -> None:
        """Write a checkpoint; all ranks must call this together.

        Args:
            filename: Path of the checkpoint.
            kwargs: See MMEngine's strategy.
        """
        model = self.model.state_dict()
        optim = self.optim_wrapper.state_dict() if kwargs.get('save_optimizer', True) else {'state': {}}
        collect = _on_first_rank
        if self.sharded_checkpoints:
            record = write_shards(filename, take_shards(model, optim))
            kwargs['extra_ckpt'] = {**(kwargs.get('extra_ckpt') or {}), SHARDS: record}
            collect = _unless_sharded
        self._model_to_save = {name: kept for name, tensor in model.items() if (kept := collect(tensor)) is not None}
        self._optim_to_save = _map_state(optim, lambda index, tensor: collect(tensor))
        super().save_checkpoint(filename, **kwargs)
        self._model_to_save, self._optim_to_save = {}, {}
        if is_main_process():
            remove_shards(filename, keep=record['folder'] if self.sharded_checkpoints else None)

    def model_state_dict(self) -> dict[str, Tensor]:
        """Return the weights for the file of the checkpoint that is being saved."""
        return self._model_to_save

    def optim_state_dict(self) -> dict[str, Any]:
        """Return the state of the optimiser for the file of the checkpoint that is being saved."""
        return self._optim_to_save

    def load_checkpoint(
        self, filename: str, *, callback: Callable[[dict[str, Any]], None] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Load a checkpoint; of sharded tensors of a sharded checkpoint, each rank reads its own part.

        Args:
            filename: Path of the checkpoint.
            callback: Function that is called with the checkpoint.
            kwargs: See MMEngine's strategy.
        """
        if not Path(filename).is_file():
            return super().load_checkpoint(filename, callback=callback, **kwargs)
        if SHARDS not in load_checkpoint_file(filename, [SHARDS], shards=False):
            return super().load_checkpoint(filename, callback=callback, **kwargs)
        self.logger.info(f'Load sharded checkpoint from {filename}')
        checkpoint = load_checkpoint_file(filename, shards=False)
        own: dict[str, Tensor] = dict(take_shards(self.model.state_dict(), {}))
        own |= {f'optimizer/{index}': tensor for index, tensor in enumerate(self._parameters())}
        insert_shards(
            checkpoint, read_shards(filename, checkpoint.pop(SHARDS), like=lambda name: own.get(_owner(name)))
        )
        if callback is not None:
            callback(checkpoint)
        options = {key: kwargs[key] for key in ('strict', 'revise_keys') if key in kwargs}
        self.load_model_state_dict(checkpoint.pop('state_dict'), **options)
        return checkpoint

    def load_model_state_dict(self, state_dict: dict[str, Tensor], **kwargs: Any) -> None:
        """Load this rank's part of whole weights; see MMEngine's strategy."""
        own = self.model.state_dict()
        parts = {name: shard_like(tensor, own[name]) if name in own else tensor for name, tensor in state_dict.items()}
        super().load_model_state_dict(parts, **kwargs)

    def load_optim_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load this rank's part of a whole state of the optimiser."""
        parameters = self._parameters()
        self.optim_wrapper.load_state_dict(
            _map_state(state_dict, lambda index, tensor: shard_like(tensor, parameters[index]))
        )

    def _parameters(self) -> list[Tensor]:
        """Return the parameters in the order in which the state of the optimiser counts them."""
        if not hasattr(self, 'optim_wrapper'):
            return []
        return [p for group in self.optim_wrapper.optimizer.param_groups for p in group['params']]


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


def _owner(name: str) -> str:
    """Return the name of the sharded tensor like which another one is sharded: a moment as its parameter is."""
    return name.rpartition('/')[0] if name.startswith('optimizer/') else name


def _on_first_rank(tensor: Tensor) -> Tensor | None:
    """Gather a tensor, which is kept on the first rank alone."""
    gathered = whole(tensor)
    return gathered.cpu() if is_main_process() else None


def _unless_sharded(tensor: Tensor) -> Tensor | None:
    return None if isinstance(tensor, DTensor) else tensor.cpu()


def _map_state(state: dict[str, Any], change: Callable[[int, Tensor], Tensor | None]) -> dict[str, Any]:
    """Change the tensors in the state of an optimiser.

    Args:
        state: State dict of the optimiser.
        change: Function of the index of a parameter and a tensor of its state. The tensor is left out if it returns
            None.
    """
    changed: dict[int, dict[str, Any]] = {}
    for index, values in sorted(state['state'].items()):
        changed[index] = {}
        for key, value in sorted(values.items()):  # ranks exchange them in one order
            kept = change(index, value) if isinstance(value, Tensor) else value
            if kept is not None:
                changed[index][key] = kept
    return {**state, 'state': changed}
