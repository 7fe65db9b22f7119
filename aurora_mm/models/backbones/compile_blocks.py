"""Compilation of an encoder block by block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch._dynamo.config as dynamo_config
from torch import nn

# Blocks share what is compiled for one of them. It is compiled anew for each combination of: with and without
# gradients, for itself and for its input; with and without autocast; with and without LoRA; a first shape, other batch
# sizes, other image sizes, and a batch of one. Where torch meets more than its limit of 8, it stops compiling.
_MAX_VARIANTS = 64


def compile_each(blocks: Iterable[nn.Module], options: Mapping) -> None:
    """Has ``torch.compile`` compile each block when it first runs.

    In place: names of parameters stay as they are, and a copy or a pickle of a block is not compiled.

    Args:
        blocks: Modules of one class.
        options: Arguments of ``torch.compile``.
    """
    dynamo_config.cache_size_limit = max(dynamo_config.cache_size_limit, _MAX_VARIANTS)
    for block in blocks:
        block.compile(**options)
