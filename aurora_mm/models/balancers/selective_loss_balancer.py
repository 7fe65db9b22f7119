"""The selective loss balancing of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.models.balancers.ema_loss_balancer import EMALossBalancer
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.models.balancers.task_losses import TaskLosses
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task


@MODELS.register_module()
class SelectiveLossBalancer(EMALossBalancer):
    """Weighs the tasks of some types by their running losses, then each of these types by a learned uncertainty.

    The loss of a selected type, weighted as in :class:`EMALossBalancer`, becomes ``w L / (2 s^2) + log s`` with
    ``s = 1 + softplus(raw)`` and a learned ``raw`` (homoscedastic uncertainty, https://arxiv.org/abs/1705.07115). The
    other types keep weight 1.

    Args:
        tasks: The T tasks.
        types: The selected types.
        power: See :class:`EMALossBalancer`.
        limits: See :class:`EMALossBalancer`.
        init_raw: Initial value of ``raw``: 0 gives s = 1.69, a large negative number s = 1.
    """

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        types: Sequence[str] = ('classification', 'detection'),
        power: float = 0.5,
        limits: tuple[float, float] = (0.25, 4.0),
        init_raw: float = 0.0,
    ) -> None:
        super().__init__(tasks, power, limits, types)
        # Of shape (1,): FSDP refuses parameters without a dimension.
        self.raw = nn.ParameterDict({name: nn.Parameter(torch.tensor([float(init_raw)])) for name in types})

    def forward(self, losses: TaskLosses, tracker: TaskLossTracker) -> Tensor:
        """Weigh the losses of the tasks of one type, see :class:`LossBalancer`."""
        balanced = super().forward(losses, tracker)
        task_type = self.tasks[losses.names[0]].type
        if task_type not in self.raw:
            return balanced
        s = 1 + F.softplus(self.raw[task_type])
        return balanced / (2 * s**2) + s.log() * losses.counts
