"""Training with separate gradients of the task types."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, all_reduce_params, get_world_size
from torch import Tensor, nn

from aurora_mm.engine.optim.autocast_optim_wrapper import AutocastOptimWrapper
from aurora_mm.engine.optim.average_gradients import average_gradients
from aurora_mm.engine.optim.gradient_combiner import GradientCombiner
from aurora_mm.errors import ConfigError
from aurora_mm.models.utils.sharded_tensors import is_sharded
from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class GradientSurgeryOptimWrapper(AutocastOptimWrapper):
    """Combines the gradients of the task types for the shared parameters by a configurable method.

    The model's losses, ``loss_<type>``, are differentiated one by one. Over all batches of an accumulation the
    gradients of each type are summed in a separate buffer. Before the update the buffers are averaged over the ranks
    and combined to the gradients of the parameters, which are then clipped as usual. Other parameters (necks, heads,
    those of a balancer) get the sum. So the update is the same for one batch of all types and for many batches of one
    type, on one rank or several. DistributedDataParallel's own averaging is switched off and replaced by this one.

    The cost is one backward pass for each type in a batch (no extra cost for batches of one type) and, for each type,
    the memory of one gradient of the shared parameters.

    Args:
        combiner: Config of the method; by default :class:`GradientCombiner`, which sums the gradients, so that only the
            cosines are logged.
        shared: Prefixes of the names of shared parameters.
        args: See :class:`AutocastOptimWrapper`.
        kwargs: See :class:`AutocastOptimWrapper`.

    Raises:
        ConfigError: If no parameter is shared, or the model is sharded (FSDP).
    """

    def __init__(
        self, *args: Any, combiner: dict[str, Any] | None = None, shared: Sequence[str] = ('backbone.',), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.combiner: GradientCombiner = GradientCombiner() if combiner is None else OPTIM_WRAPPERS.build(combiner)
        self.shared = tuple(shared)
        self._shared_parameters: list[nn.Parameter] = []
        self._other_parameters: list[nn.Parameter] = []
        self._awaited: set[int] = set()
        self._losses: dict[str, Tensor] = {}
        self._buffers: dict[str, list[Tensor | None]] = {}
        self._cosines: dict[str, list[Tensor]] = {}
        self._restored_buffers: dict[str, dict[int, Tensor]] = {}  # of a checkpoint, until `_sort_parameters` runs

    @property
    def averages(self) -> bool:
        """Always True, because DistributedDataParallel averages no gradients here."""
        return True

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """See ``OptimWrapper.optim_context``; also collects the losses that the model returns in it."""
        if not self._shared_parameters:
            self._sort_parameters(model)
        hook = model.register_forward_hook(self._take_losses)
        try:
            with super().optim_context(model):
                yield
        finally:
            hook.remove()

    def update_params(
        self, loss: Tensor, step_kwargs: dict[str, Any] | None = None, zero_kwargs: dict[str, Any] | None = None
    ) -> None:
        """See ``OptimWrapper.update_params``; ``loss`` is the sum of the losses that are differentiated here."""
        for number, (name, part) in enumerate(self._losses.items(), start=1):
            self._add_gradients(name, self.scale_loss(part), retain_graph=number < len(self._losses))
        self._losses = {}
        self._inner_count += 1
        if self.should_update():
            self.step(**(step_kwargs or {}))
            self.zero_grad(**(zero_kwargs or {}))

    def average(self) -> None:
        """Average over the ranks and combine the gradients of the types."""
        self.average_pending()
        self._combine()

    def average_pending(self) -> None:
        """See :meth:`AccumulatingOptimWrapper.average_pending`; the gradients of the types stay separate."""
        if get_world_size() == 1:
            return
        average_gradients(self._other_parameters)
        for name in sorted({name for names in all_gather_object(list(self._buffers)) for name in names}):
            buffer = self._buffers.setdefault(name, [None] * len(self._shared_parameters))
            full: list[Tensor | None] = [
                torch.zeros_like(p) if g is None else g for p, g in zip(self._shared_parameters, buffer, strict=True)
            ]
            all_reduce_params(full, op='mean')
            self._buffers[name] = full

    def pending(self) -> dict[str, dict[int, Tensor]]:
        """See :meth:`AccumulatingOptimWrapper.pending`; gradients of shared parameters have the names of losses."""
        buffers = {
            name: {i: grad for i, grad in enumerate(buffer) if grad is not None}
            for name, buffer in self._buffers.items()
        }
        return super().pending() | buffers

    def restore(self, pending: dict[str, dict[int, Tensor]]) -> None:
        """See :meth:`AccumulatingOptimWrapper.restore`."""
        super().restore(pending)
        self._restored_buffers = {name: grads for name, grads in pending.items() if name}

    def state_dict(self) -> dict[str, Any]:
        """See :meth:`AccumulatingOptimWrapper.state_dict`; ``'cosines'`` holds those not yet logged, if any."""
        cosines = {pair: torch.stack(values) for pair, values in self._cosines.items()}
        return super().state_dict() | (dict(cosines=cosines) if cosines else {})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See :meth:`AccumulatingOptimWrapper.load_state_dict`."""
        super().load_state_dict({key: value for key, value in state_dict.items() if key != 'cosines'})
        self._cosines = {pair: list(values.unbind()) for pair, values in state_dict.get('cosines', {}).items()}

    def pop_cosines(self) -> dict[str, float]:
        """Return the mean cosine between the gradients of two types, ``<type>-<type>``, since the last call."""
        cosines, self._cosines = self._cosines, {}
        means = {pair: torch.stack(values).nanmean().item() for pair, values in cosines.items()}
        return {pair: mean for pair, mean in means.items() if not math.isnan(mean)}

    def await_parameters(self, parameters: Iterable[nn.Parameter]) -> None:
        """Take parameters into account that are frozen at the first step and learn later in the run."""
        self._awaited.update(id(parameter) for parameter in parameters)

    def _sort_parameters(self, model: nn.Module) -> None:
        if is_sharded(model):
            raise ConfigError('GradientSurgeryOptimWrapper needs whole gradients; FSDP shards them')
        for name, parameter in model.named_parameters():
            if parameter.requires_grad or id(parameter) in self._awaited:
                is_shared = name.removeprefix('module.').startswith(self.shared)
                (self._shared_parameters if is_shared else self._other_parameters).append(parameter)
        if not self._shared_parameters:
            raise ConfigError(f'no parameter that is trained has a name that begins with {" or ".join(self.shared)}')
        for name, grads in self._restored_buffers.items():
            self._buffers[name] = [
                grads[i].to(p, copy=True) if i in grads else None for i, p in enumerate(self._shared_parameters)
            ]
        self._restored_buffers = {}

    def _take_losses(self, module: nn.Module, inputs: Any, outputs: Any) -> None:
        if isinstance(outputs, dict):
            self._losses = {key: value for key, value in outputs.items() if 'loss' in key and value.requires_grad}

    def _add_gradients(self, name: str, loss: Tensor, retain_graph: bool) -> None:
        parameters = self._shared_parameters + self._other_parameters
        learned = [parameter for parameter in parameters if parameter.requires_grad]
        with self.backward_context():
            found = iter(torch.autograd.grad(loss, learned, retain_graph=retain_graph, allow_unused=True))
        gradients = [next(found) if parameter.requires_grad else None for parameter in parameters]
        buffer = self._buffers.setdefault(name, [None] * len(self._shared_parameters))
        for i, gradient in enumerate(gradients[: len(buffer)]):
            buffer[i] = _add(buffer[i], gradient)
        for parameter, gradient in zip(self._other_parameters, gradients[len(buffer) :], strict=True):
            parameter.grad = _add(parameter.grad, gradient)

    def _combine(self) -> None:
        """Combine the buffers to the gradients of the shared parameters."""
        names = sorted(self._buffers)
        gram = torch.zeros(len(names), len(names), device=self._shared_parameters[0].device)
        for parts in zip(*(self._buffers[name] for name in names), strict=True):
            zero = next((torch.zeros_like(part) for part in parts if part is not None), None)
            if zero is not None:
                rows = torch.stack([(zero if part is None else part).flatten().float() for part in parts])
                gram += rows @ rows.T
        inner = gram.double()
        finite = inner.isfinite().all()  # gradients that are not finite are summed and dropped before the update
        inner = inner.where(finite, 1.0)
        rng = np.random.default_rng(self._inner_count)  # the same on all ranks, and in a resumed run
        weights = self.combiner.coefficients(inner, rng).where(finite, 1.0)
        self._note_cosines(names, inner.where(finite, torch.nan))
        for i, parameter in enumerate(self._shared_parameters):
            for name, weight in zip(names, weights.unbind(), strict=True):
                part = self._buffers[name][i]
                parameter.grad = _add(parameter.grad, None if part is None else part * weight)
        self._buffers = {}

    def _note_cosines(self, names: Sequence[str], inner: Tensor) -> None:
        lengths = inner.diagonal().sqrt()
        cosines = inner / (lengths[:, None] * lengths)  # NaN where a gradient is zero
        for i, j in combinations(range(len(names)), 2):
            pair = '-'.join(names[k].removeprefix('loss_') for k in (i, j))
            self._cosines.setdefault(pair, []).append(cosines[i, j])


def _add(total: Tensor | None, gradient: Tensor | None) -> Tensor | None:
    if total is None or gradient is None:
        return gradient if total is None else total
    return total + gradient  # not in place: autograd may give one tensor to two parameters
