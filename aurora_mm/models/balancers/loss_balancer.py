"""The base of loss balancers, which does not balance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.models.balancers.task_losses import TaskLosses
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task


@MODELS.register_module()
class LossBalancer(nn.Module):
    """Leaves every loss unchanged. Subclasses override :meth:`weights`, :meth:`observe` or :meth:`forward`.

    A balancer gets its information from the tracker, which is equal on all ranks, and may also measure gradients in
    :meth:`measure`. It keeps its state in buffers and parameters, which are saved in checkpoints.

    Args:
        tasks: The T tasks, in the order of the tracker.

    Attributes:
        required_hooks (tuple[str, ...]): Classes of the hooks that training with this balancer needs; it is refused if
            one of them is missing.
    """

    required_hooks: tuple[str, ...] = ()

    def __init__(self, tasks: Sequence[Task | dict[str, Any]]) -> None:
        super().__init__()
        self.tasks = {task.name: task for task in map(Task.from_config, tasks)}

    def weights(self, tracker: TaskLossTracker) -> Tensor:
        """Return the weights of the losses, ``(T,)``.

        Args:
            tracker: The running means of the losses.
        """
        return torch.ones_like(tracker.ema)

    def watch(self, maps: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return the maps as necks and heads read them in training, so that :meth:`measure` can ask for gradients.

        Args:
            maps: The maps ``(B, C_i, h_i, w_i)`` of encoder and detail branch.
        """
        return maps

    def measure(self, losses: TaskLosses, maps: Sequence[Tensor]) -> None:
        """Look at the gradients of the tasks of one type in a batch, before their losses are weighed.

        Args:
            losses: The losses of these tasks, connected to ``maps``.
            maps: What :meth:`watch` returned.
        """

    def share(self) -> None:
        """Make the state of this rank stand for all ranks before it is saved, see :class:`SharedSums`."""

    def take_share(self, ranks: int) -> None:
        """Adapt the state after it was loaded on another number of ranks, see :class:`SharedSums`."""

    def observe(self, tracker: TaskLossTracker) -> None:
        """Update the state after an update of the model's weights; called on every rank.

        Args:
            tracker: The running means, with this update included.
        """

    def forward(self, losses: TaskLosses, tracker: TaskLossTracker) -> Tensor:
        """Weigh the losses of the tasks of one type in a batch.

        Args:
            losses: The losses of these tasks.
            tracker: The running means after the last update, so that all batches of a gradient accumulation get the
                same weights.

        Returns:
            The weighted losses, summed over the labels of each task, ``(T,)``; 0 for the other tasks.
        """
        with torch.no_grad():
            weights = self.weights(tracker)
        return weights * losses.sums
