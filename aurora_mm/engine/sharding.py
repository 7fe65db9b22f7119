"""What FSDP shards."""

from __future__ import annotations

from torch import nn

from aurora_mm.models.backbones.qwen3_vl_layers import Block
from aurora_mm.registry import FUNCTIONS


@FUNCTIONS.register_module()
def wrap_encoder_blocks(module: nn.Module, recurse: bool, nonwrapped_numel: int) -> bool:
    """An ``auto_wrap_policy`` for FSDP: each block of Qwen3-VL's encoder is a unit of its own, all else is one.

    A unit's weights are gathered by all ranks together, just before it runs. Every rank runs every block, but only
    the heads of its own batch: a head that were a unit would leave ranks waiting for each other.
    """
    return recurse or isinstance(module, Block)
