"""Weights from the running means of the losses."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from aurora_mm.models.balancers.loss_balancer import LossBalancer
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.registry import MODELS
from aurora_mm.tasks import TASK_TYPES, Task


@MODELS.register_module()
class EMALossBalancer(LossBalancer):
    """``w = clamp((ema_task / mean of all ema)^power, low, high)``, and 1 for the tasks of other types.

    Args:
        tasks: The tasks, T of them.
        power: -1 brings all losses to one level; above 0, tasks with large losses get more weight still.
        limits: Lowest and highest weight.
        types: The types of the tasks that are weighted.
    """

    selected: Tensor

    def __init__(
        self,
        tasks: Sequence[Task | dict],
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
        """(T,) factors w; 1 for a task not met yet."""
        relative = (tracker.ema / tracker.ema.nanmean()) ** self.power
        # NaN for a task not met yet, and where all means are 0.
        relative = relative.clamp(*self.limits).nan_to_num(nan=1.0)
        return torch.where(self.selected, relative, torch.ones_like(relative))
