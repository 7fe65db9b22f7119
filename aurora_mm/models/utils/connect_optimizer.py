"""Connects an optimiser with what a multi-task model keeps of its losses."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.optim import Optimizer

from aurora_mm.models.balancers import LossBalancer, TaskLossTracker
from aurora_mm.models.utils.nonfinite_guard import NonFiniteGuard, drop_gradients_unless, gradients_are_finite


def connect_optimizer(
    optimizer: Optimizer, tracker: TaskLossTracker, balancer: LossBalancer, guard: NonFiniteGuard
) -> None:
    """Have an optimiser leave out gradients that are not finite, and report updates to tracker, balancer and guard.

    A fused optimiser of torch skips an update of which a gradient is not finite, by the flag on the device that torch's
    ``GradScaler`` uses too. Other optimisers make it with gradients of 0, since the host does not know of it.
    Where a ``GradScaler`` has set that flag, it decides.

    At an update, tracker and balancer receive the losses of all batches, of all ranks, that led to it; between updates
    the weights of the losses do not change. A second call with the same tracker does nothing.

    Args:
        optimizer: The optimiser; changed in place.
        tracker: The running means of the losses.
        balancer: The balancer that weighs the losses.
        guard: What counts the updates whose gradients were dropped.
    """
    if vars(optimizer).get('connected_to') is tracker:
        return
    vars(optimizer)['connected_to'] = tracker  # not in the model, whose copies must not copy the optimiser

    def before_update(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if vars(optimizer).get('found_inf') is not None:
            return
        finite = gradients_are_finite(_parameters(optimizer))
        if finite is None:
            return
        guard.note_update(finite)
        if _skips_by_flag(optimizer):
            vars(optimizer).update(found_inf=1 - finite, found_inf_by=guard)
        else:
            drop_gradients_unless(finite, _parameters(optimizer))

    def after_update(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if vars(optimizer).pop('found_inf_by', None) is guard:
            del vars(optimizer)['found_inf']
        tracker.update()
        balancer.observe(tracker)

    optimizer.register_step_pre_hook(before_update)
    optimizer.register_step_post_hook(after_update)


def _parameters(optimizer: Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group['params']]


def _skips_by_flag(optimizer: Optimizer) -> bool:
    """Whether all updates of an optimiser read ``found_inf``; torch's ``GradScaler`` asks for the same attribute."""
    fused = all(group.get('fused') for group in optimizer.param_groups)
    return fused and getattr(optimizer, '_step_supports_amp_scaling', False)
