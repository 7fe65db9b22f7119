"""Compilation of an encoder block by block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch._dynamo.config as dynamo_config
import torch._functorch.config as functorch_config
from torch import nn

from aurora_mm.models.utils.cuda_graphs import refuse_cuda_graphs

# Blocks share the compiled code. It is compiled again for each combination of: with and without gradients of the block
# and of its input, with and without autocast, with and without LoRA, and the first shape, other batch sizes, other
# image sizes and a batch of one. Beyond its limit, 8 by default, torch stops compiling.
_MAX_VARIANTS = 64


def compile_each(blocks: Iterable[nn.Module], options: Mapping[str, Any]) -> None:
    """Compile each block by ``torch.compile`` when it first runs.

    The blocks are changed in place. Names of parameters stay as they are; a copy or a pickle of a block is not
    compiled.

    Args:
        blocks: Modules of one class.
        options: Arguments of ``torch.compile``.

    Raises:
        ConfigError: See :func:`refuse_cuda_graphs`.
    """
    refuse_cuda_graphs(options, 'compile_blocks')
    dynamo_config.cache_size_limit = max(dynamo_config.cache_size_limit, _MAX_VARIANTS)
    # By default torch lets a compiled backward pass overwrite what the forward pass kept, and refuses to run it twice.
    # GradientSurgeryOptimWrapper runs it once for each loss of a batch.
    functorch_config.donated_buffer = False
    for block in blocks:
        block.compile(**options)
