"""The interface of loss balancing, which is also the choice not to balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task


@MODELS.register_module()
class LossBalancer(nn.Module):
    """Leaves every loss as it is. Subclasses override :meth:`weights`, :meth:`observe` or :meth:`forward`.

    Whatever a balancer steers by it takes from the tracker, which is equal on all ranks; whatever it remembers is in
    buffers and parameters, and so in the checkpoint.

    Args:
        tasks: The tasks, T of them, in the order of the tracker.

    Attributes:
        required_hooks (tuple[str, ...]): Classes of the hooks that a training with this balancer needs; without one of
            them it is refused.
    """

    required_hooks: tuple[str, ...] = ()

    def __init__(self, tasks: Sequence[Task | dict]) -> None:
        super().__init__()
        self.tasks = {task.name: task for task in map(Task.from_config, tasks)}

    def weights(self, tracker: TaskLossTracker) -> Tensor:
        """(T,) factors on the losses."""
        return torch.ones_like(tracker.ema)

    def observe(self, tracker: TaskLossTracker) -> None:
        """Learn from one update; called on every rank after the tracker has taken it in."""

    def forward(self, losses: Mapping[str, Tensor], tracker: TaskLossTracker) -> dict[str, Tensor]:
        """Weigh the losses of one batch.

        Args:
            losses: Mean loss of each task in the batch.
            tracker: As the last update left it, so that all batches of an accumulation are weighted alike.
        """
        with torch.no_grad():
            weights = self.weights(tracker)
        return {name: weights[tracker.index[name]] * loss for name, loss in losses.items()}
