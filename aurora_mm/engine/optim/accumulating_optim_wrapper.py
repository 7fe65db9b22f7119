"""MMEngine's OptimWrapper for batches that hold different tasks, without waiting for the device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from mmengine.optim import OptimWrapper
from torch import nn

from aurora_mm.engine.device_history import log_tensor
from aurora_mm.engine.optim.average_gradients import average_gradients
from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AccumulatingOptimWrapper(OptimWrapper):
    """Averages accumulated gradients over the ranks itself, once an update, and logs their norm without reading it.

    DistributedDataParallel averages in the last backward pass of an accumulation. It cannot do so where an epoch ends
    before that, and afterwards takes heads for used whose gradients are gone ('gradient which is undefined'). Here it
    never averages while gradients are accumulated; without accumulation it does as always.

    MMEngine's wrapper reads the norm of the gradients after each clipping. Here it stays on the device until somebody
    reads the log, see :class:`aurora_mm.engine.DeviceHistory`.
    """

    @property
    def averages(self) -> bool:
        """Whether the ranks' gradients are averaged here."""
        return self._accumulative_counts > 1

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """See ``OptimWrapper.optim_context``."""
        local = self.averages and hasattr(model, 'no_sync')
        with model.no_sync() if local else nullcontext(), super().optim_context(model):
            yield

    def step(self, **kwargs: Any) -> None:
        """Averages, clips and updates."""
        if self.averages:
            self.average()
        super().step(**kwargs)

    def _clip_grad(self) -> None:
        parameters = [p for group in self.optimizer.param_groups for p in group['params'] if p.grad is not None]
        if parameters:
            norm = self.clip_func(parameters, **self.clip_grad_kwargs)
            if norm is not None:  # clip_grad_value_ returns None
                log_tensor(self.message_hub, f'train/{self.grad_name}', norm)

    def average(self) -> None:
        """Averages the gradients over the ranks."""
        average_gradients([p for group in self.optimizer.param_groups for p in group['params'] if p.requires_grad])
