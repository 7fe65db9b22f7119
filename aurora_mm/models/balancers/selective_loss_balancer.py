"""The published selective balancing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.models.balancers.loss_balancer import LossBalancer
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task


@MODELS.register_module()
class SelectiveLossBalancer(LossBalancer):
    """Weighs the tasks of some types by how hard they are, then each such type by a learned uncertainty.

    ``w = clamp((ema_task / mean of all ema)^power, low, high)`` for a task of the selected types, 1 for any other.
    A selected type's loss then becomes ``w L / (2 s^2) + log s`` with ``s = 1 + softplus(raw)`` and raw learned
    (homoscedastic uncertainty, https://arxiv.org/abs/1705.07115).

    Args:
        tasks: The tasks, T of them.
        types: The selected types.
        power, limits: See the formula.
        init_raw: Start of ``raw``: 0 gives s = 1.69, a large negative number s = 1.
    """

    def __init__(
        self,
        tasks: Sequence[Task | dict],
        types: Sequence[str] = ('classification', 'detection'),
        power: float = 0.5,
        limits: tuple[float, float] = (0.25, 4.0),
        init_raw: float = 0.0,
    ) -> None:
        super().__init__(tasks)
        self.power = power
        self.limits = tuple(limits)
        self.raw = nn.ParameterDict({name: nn.Parameter(torch.tensor(float(init_raw))) for name in types})
        self.register_buffer(
            'selected', torch.tensor([task.type in types for task in self.tasks.values()]), persistent=False
        )

    def weights(self, tracker: TaskLossTracker) -> Tensor:
        """(T,) factors w; 1 for a task not met yet."""
        relative = (tracker.ema / tracker.ema.nanmean()) ** self.power
        relative = relative.clamp(*self.limits).nan_to_num(nan=1.0)
        return torch.where(self.selected, relative, torch.ones_like(relative))

    def forward(self, losses: Mapping[str, Tensor], tracker: TaskLossTracker) -> dict[str, Tensor]:
        """See :class:`LossBalancer`."""
        balanced = super().forward(losses, tracker)
        for name in balanced:
            task_type = self.tasks[name].type
            if task_type in self.raw:
                s = 1 + F.softplus(self.raw[task_type])
                balanced[name] = balanced[name] / (2 * s**2) + s.log()
        return balanced
