"""What FSDP shards, and how MMEngine's FlexibleRunner drives it."""

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
    """MMEngine's strategy for FSDP, which resumes the optimiser and also runs without a GPU.

    MMEngine hands the optimiser's state to torch in the order of arguments of torch 2.0, so that no run can be resumed.
    Without an accelerator it asks for GPU 0 all the same, and a full state crashes the process: torch moves it to the
    CPU, where it already is, and frees what it was moved from.

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
        """Gives each rank its shard of the optimiser's state.

        Args:
            state_dict: Of the whole optimiser, or of this rank's shard, as ``state_dict_cfg`` says.
        """
        shard = FullyShardedDataParallel.optim_state_dict_to_load(
            model=self.model, optim=self.optim_wrapper.optimizer, optim_state_dict=state_dict
        )
        self.optim_wrapper.load_state_dict(shard)


@FUNCTIONS.register_module()
def wrap_encoder_blocks(module: nn.Module, recurse: bool, nonwrapped_numel: int) -> bool:
    """An ``auto_wrap_policy`` for FSDP: each block of Qwen3-VL's encoder is a unit of its own, all else is one.

    A unit's weights are gathered by all ranks together, just before it runs. Every rank runs every block, but only
    the heads of its own batch: a head that were a unit would leave ranks waiting for each other.
    """
    return recurse or isinstance(module, Block)
