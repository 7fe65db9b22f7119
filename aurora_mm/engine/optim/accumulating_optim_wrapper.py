"""Gradient accumulation across epochs, and on several ranks whose batches hold different tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from mmengine.optim import OptimWrapper
from torch import Tensor, nn
from torch.optim import Optimizer

from aurora_mm.engine.device_history import log_tensor
from aurora_mm.engine.optim.average_gradients import average_gradients
from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AccumulatingOptimWrapper(OptimWrapper):
    """Averages accumulated gradients over the ranks at each update, and keeps them in checkpoints.

    DistributedDataParallel averages only in the last backward pass of an accumulation. The gradients of a head without
    an image in that pass stay different on each rank. Here it is not used to average while gradients are accumulated;
    without accumulation it works as usual.

    An accumulation continues across the end of an epoch. So a run of n batches makes n / ``accumulative_counts``
    updates, rounded up, for any length of an epoch. The state holds the gradients of an unfinished accumulation, so a
    resumed run makes the same updates as a run without interruption. On several ranks they must be averaged before the
    state is saved; :class:`aurora_mm.engine.ReproducibleEpochHook` calls :meth:`average_pending` at the end of every
    epoch.

    MMEngine's wrapper copies the norm of the gradients to the host at each clipping. Here it stays on the device until
    the log is read, see :class:`aurora_mm.engine.DeviceHistory`.
    """

    _restored = False

    @property
    def averages(self) -> bool:
        """Whether this wrapper averages the gradients over the ranks."""
        return self._accumulative_counts > 1

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """See ``OptimWrapper.optim_context``."""
        without_sync = getattr(model, 'no_sync', nullcontext) if self.averages else nullcontext
        with without_sync(), super().optim_context(model):
            yield

    def step(self, **kwargs: Any) -> None:
        """Average and clip the gradients, and update the weights."""
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
        """Average the gradients over the ranks."""
        self.average_pending()

    def average_pending(self) -> None:
        """Average the gradients of an unfinished accumulation over the ranks."""
        average_gradients(self._parameters())

    def state_dict(self) -> dict[str, Any]:
        """See ``OptimWrapper.state_dict``; ``'pending'`` holds gradients of an unfinished accumulation, if any."""
        state = super().state_dict()
        pending = self.pending()
        return state | dict(pending=pending) if pending else state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See ``OptimWrapper.load_state_dict``."""
        pending = state_dict.get('pending', {})
        super().load_state_dict({key: value for key, value in state_dict.items() if key != 'pending'})
        _count_steps_on_the_host(self.optimizer)
        self._restored = bool(pending)
        self.restore(pending)

    def pending(self) -> dict[str, dict[int, Tensor]]:
        """Return the gradients of an unfinished accumulation, by name of their sum and index of the parameter."""
        grads = {i: p.grad for i, p in enumerate(self._all_parameters()) if p.grad is not None}
        return {'': grads} if grads else {}

    def restore(self, pending: dict[str, dict[int, Tensor]]) -> None:
        """Restore the gradients that :meth:`pending` returned."""
        parameters = self._all_parameters()
        for i, grad in pending.get('', {}).items():
            parameters[i].grad = grad.to(parameters[i], copy=True)

    def initialize_count_status(self, model: nn.Module, init_counts: int, max_counts: int) -> None:
        """See ``OptimWrapper.initialize_count_status``; it warns of lost gradients only if they are lost."""
        done = init_counts % self._accumulative_counts if self._restored else 0
        super().initialize_count_status(model, init_counts - done, max_counts)
        self._inner_count += done

    def _parameters(self) -> list[nn.Parameter]:
        return [p for p in self._all_parameters() if p.requires_grad]

    def _all_parameters(self) -> list[nn.Parameter]:
        """Return all parameters, also those that a hook freezes for a while, in the same order at any time."""
        return [p for group in self.optimizer.param_groups for p in group['params']]


def _count_steps_on_the_host(optimizer: Optimizer) -> None:
    """Move the numbers of steps of a loaded state to the CPU, where optimisers such as AdamW count them by themselves.

    MMEngine moves a checkpoint to the device before it resumes from it, and torch leaves these numbers where they are.
    The host would then wait for the device once for each parameter in each update.
    """
    for group in optimizer.param_groups:
        if not group.get('fused') and not group.get('capturable'):
            for parameter in group['params']:
                state = optimizer.state.get(parameter, {})
                if isinstance(step := state.get('step'), Tensor):
                    state['step'] = step.cpu()
