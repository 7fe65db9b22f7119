"""Refusal of CUDA graphs for compiled parts of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch._inductor
import torch._inductor.config

from aurora_mm.errors import ConfigError


def refuse_cuda_graphs(options: Mapping[str, Any], name: str) -> None:
    """Check that ``torch.compile`` would not record CUDA graphs on a GPU.

    A graph writes its results to the same memory in every iteration, and torch takes each call of a compiled module for
    a new iteration, unless a backward pass is pending. Here compiled modules run one after the other, and results are
    read later: maps by several necks and heads, gradients by the next batch of an accumulation. torch stops there with
    ``accessing tensor output of CUDAGraphs that has been overwritten by a subsequent run``. Marking the iterations does
    not help for accumulated gradients (https://github.com/pytorch/pytorch/issues/169545), nor for recomputed blocks
    (https://github.com/pytorch/pytorch/issues/154306).

    Args:
        options: Arguments of ``torch.compile``.
        name: The option that has them, for the message.

    Raises:
        ConfigError: If it would, or torch knows no such ``mode``.
    """
    backend, mode, values = options.get('backend', 'inductor'), options.get('mode'), options.get('options') or {}
    modes = torch._inductor.list_mode_options()
    if mode is not None and mode not in modes:
        raise ConfigError(f'{name}: mode={mode!r} is none of {", ".join(modes)}')
    found = None
    if backend == 'cudagraphs':
        found = f'backend={backend!r}'
    elif backend == 'inductor' and modes.get(mode or 'default', {}).get('triton.cudagraphs'):
        found = f'mode={mode!r}'
    elif backend == 'inductor' and values.get('triton.cudagraphs', torch._inductor.config.triton.cudagraphs):
        asked = 'triton.cudagraphs' in values
        found = "options={'triton.cudagraphs': True}" if asked else 'the variable TORCHINDUCTOR_CUDAGRAPHS'
    if found is not None:
        raise ConfigError(
            f'{name}: {found} records CUDA graphs, whose results are overwritten before they are read here; '
            "mode='max-autotune-no-cudagraphs' has none"
        )
