"""Mixed precision in bfloat16, on any device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner.amp import autocast
from torch import nn

from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Runs the forward pass under bfloat16 autocast; weights, gradients and the optimiser stay in fp32.

    bfloat16 has the range of fp32, so losses need no scaling. MMEngine's ``AmpOptimWrapper`` scales them all the same
    and refuses to run without a GPU; use that one for float16.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """See ``OptimWrapper.optim_context``."""
        with super().optim_context(model), autocast(dtype=torch.bfloat16):
            yield
