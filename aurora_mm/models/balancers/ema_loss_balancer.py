"""Weights from the running means of the losses."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from aurora_mm.models.balancers.loss_balancer import LossBalancer
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.registry import MODELS
from aurora_mm.task_types import TASK_TYPES
from aurora_mm.tasks import Task


@MODELS.register_module()
class EMALossBalancer(LossBalancer):
    """Weighs a loss by ``w = clamp((ema_task / mean of all ema)^power, low, high)``; 1 for tasks of other types.

    Args:
        tasks: The T tasks.
        power: -1 brings all losses to the same level; values above 0 give more weight to tasks with large losses.
        limits: Lowest and highest weight.
        types: Task types whose tasks are weighted.
    """

    selected: Tensor

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        power: float = -1.0,
        limits: tuple[float, float] = (0.01, 100.0),
        types: Collection[str] = TASK_TYPES,
    ) -> None:
        super().__init__(tasks)
        self.power = power
        self.limits = tuple(limits)
        self.register_buffer(
            'selected', torch.tensor([task.type in types for task in self.tasks.values()]), persistent=False
        )

    def weights(self, tracker: TaskLossTracker) -> Tensor:
        """Return the weights ``(T,)``; 1 for a task that has not been trained yet."""
        relative = (tracker.ema / tracker.ema.nanmean()) ** self.power
        # NaN for a task that has not been trained yet, and if all means are 0.
        relative = relative.clamp(*self.limits).nan_to_num(nan=1.0)
        return torch.where(self.selected, relative, torch.ones_like(relative))
