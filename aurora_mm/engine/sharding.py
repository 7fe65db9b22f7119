"""Sharding of a model by FSDP with MMEngine's FlexibleRunner."""

from __future__ import annotations

from typing import Any

import torch
from mmengine._strategy import FSDPStrategy
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel

from aurora_mm.models.backbones.qwen3_vl_layers import Block
from aurora_mm.registry import FUNCTIONS, STRATEGIES


@STRATEGIES.register_module()
class ShardedStrategy(FSDPStrategy):
    """MMEngine's strategy for FSDP, which can also resume the optimiser and run without a GPU.

    MMEngine passes the optimiser's state to torch in the argument order of torch 2.0, so that no run can be resumed.
    Without a GPU it still asks for GPU 0, and a full state crashes the process: torch moves it to the CPU, where it
    already is, and frees the source.

    Args:
        kwargs: See :class:`mmengine._strategy.FSDPStrategy`: ``model_wrapper``, ``state_dict_cfg``, ...
    """

    def _wrap_model(self, model: nn.Module) -> FullyShardedDataParallel:
        if not torch.cuda.is_available():
            self.model_wrapper = dict(self.model_wrapper or {}, device_id=torch.device('cpu'))
        return super()._wrap_model(model)

    def _init_state_dict_cfg(self, state_dict_cfg: str | dict[str, Any]) -> None:
        super()._init_state_dict_cfg(state_dict_cfg)
        if not torch.cuda.is_available():
            self.state_dict_config.offload_to_cpu = False
            self.optim_state_dict_config.offload_to_cpu = False

    def load_optim_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load each rank's shard of the optimiser's state.

        Args:
            state_dict: State of the whole optimiser, or of this rank's shard, depending on ``state_dict_cfg``.
        """
        shard = FullyShardedDataParallel.optim_state_dict_to_load(
            model=self.model, optim=self.optim_wrapper.optimizer, optim_state_dict=state_dict
        )
        self.optim_wrapper.load_state_dict(shard)


@FUNCTIONS.register_module()
def wrap_encoder_blocks(module: nn.Module, recurse: bool, nonwrapped_numel: int) -> bool:
    """Decide whether FSDP makes a module a unit: each block of Qwen3-VL's encoder is one, all else another.

    It is an ``auto_wrap_policy``. The weights of a unit are gathered by all ranks together, just before it runs. Every
    rank runs every block, but only the heads of its own batch: a head that is a unit would make ranks wait for each
    other forever.

    Args:
        module: The module in question.
        recurse: Whether FSDP asks to look into the module.
        nonwrapped_numel: Not used.
    """
    return recurse or isinstance(module, Block)
