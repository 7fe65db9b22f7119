"""Mixed precision in bfloat16."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.runner.amp import autocast
from torch import nn

from aurora_mm.engine.optim.accumulating_optim_wrapper import AccumulatingOptimWrapper
from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(AccumulatingOptimWrapper):
    """Runs the forward pass under bfloat16 autocast; weights, gradients and the optimiser stay in fp32.

    bfloat16 has the range of fp32, so losses need no scaling. MMEngine's ``AmpOptimWrapper`` scales them all the same
    and refuses to run without a GPU; use that one for float16.

    Args:
        on_cpu: Autocast on a CPU too. Many CPUs have no bfloat16 arithmetic and emulate it many times slower than
            fp32, so by default a run on a CPU stays in fp32, and the log says so.
        kwargs: Arguments of ``OptimWrapper``.
    """

    def __init__(self, *args: Any, on_cpu: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.enabled = on_cpu or get_device() != 'cpu'
        if not self.enabled:
            MMLogger.get_current_instance().warning(
                'no accelerator: this run stays in fp32; --amp (AutocastOptimWrapper(on_cpu=True)) gives bfloat16'
            )

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """See ``OptimWrapper.optim_context``."""
        with super().optim_context(model), autocast(dtype=torch.bfloat16, enabled=self.enabled):
            yield
