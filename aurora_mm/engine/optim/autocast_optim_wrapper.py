"""Mixed precision in bfloat16."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.runner.amp import autocast
from torch import Tensor, nn

from aurora_mm.engine.optim.accumulating_optim_wrapper import AccumulatingOptimWrapper
from aurora_mm.engine.optim.weight_copies import WeightCopies, layers_to_copy
from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(AccumulatingOptimWrapper):
    """Runs the forward pass with bfloat16 autocast; weights, gradients and the optimiser stay in fp32.

    bfloat16 has the range of fp32, so losses need no scaling. MMEngine's ``AmpOptimWrapper`` scales them anyway and
    needs a GPU; use it for float16.

    The weights of an encoder's blocks are cast once for each update, see :class:`WeightCopies`.

    Args:
        args: See ``OptimWrapper``.
        kwargs: See ``OptimWrapper``.
        on_cpu: Whether to use autocast on a CPU too. Many CPUs have no bfloat16 arithmetic and emulate it many times
            slower than fp32, so by default a run on a CPU uses fp32, and the log says so.

    Attributes:
        enabled (bool): Whether autocast is on.
    """

    dtype = torch.bfloat16

    def __init__(self, *args: Any, on_cpu: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.enabled = on_cpu or get_device() != 'cpu'
        if not self.enabled:
            MMLogger.get_current_instance().warning(
                'no accelerator: this run stays in fp32; --amp (AutocastOptimWrapper(on_cpu=True)) gives bfloat16'
            )
        self._copies = WeightCopies(self.dtype)
        self._model: nn.Module | None = None
        self._layers: list[nn.Linear] = []  # layers of the model that compute with copies

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """See ``OptimWrapper.optim_context``."""
        if self.enabled and model is not self._model:
            self._model, self._layers = model, layers_to_copy(model)
        with (
            super().optim_context(model),
            autocast(dtype=self.dtype, enabled=self.enabled),
            self._copies.in_use(self._layers),
        ):
            yield

    @contextmanager
    def backward_context(self) -> Iterator[None]:
        """Return the context of a backward pass, in which recomputed blocks use the copies of the forward pass."""
        with self._copies.in_use(self._layers):
            yield

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """See ``OptimWrapper.backward``."""
        with self.backward_context():
            super().backward(loss, **kwargs)

    def step(self, **kwargs: Any) -> None:
        """See ``OptimWrapper.step``."""
        self._copies.clear()
        super().step(**kwargs)
