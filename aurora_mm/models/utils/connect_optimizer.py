"""Connects an optimiser with what a multi-task model keeps of its losses."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer

from aurora_mm.models.balancers import LossBalancer, TaskLossTracker
from aurora_mm.models.utils.nonfinite_guard import NonFiniteGuard, drop_nonfinite_gradients


def connect_optimizer(
    optimizer: Optimizer, tracker: TaskLossTracker, balancer: LossBalancer, guard: NonFiniteGuard
) -> None:
    """Have an optimiser drop gradients that are not finite, and report every update to tracker, balancer and guard.

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
        finite = drop_nonfinite_gradients(p for group in optimizer.param_groups for p in group['params'])
        if finite is not None:
            guard.note_update(finite)

    def after_update(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        tracker.update()
        balancer.observe(tracker)

    optimizer.register_step_pre_hook(before_update)
    optimizer.register_step_post_hook(after_update)
