"""The published selective balancing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.models.balancers.ema_loss_balancer import EMALossBalancer
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task


@MODELS.register_module()
class SelectiveLossBalancer(EMALossBalancer):
    """Weighs the tasks of some types by how hard they are, then each such type by a learned uncertainty.

    A selected type's loss, weighted as :class:`EMALossBalancer` does, becomes ``w L / (2 s^2) + log s`` with
    ``s = 1 + softplus(raw)`` and raw learned (homoscedastic uncertainty, https://arxiv.org/abs/1705.07115). The other
    types keep weight 1.

    Args:
        tasks: The tasks, T of them.
        types: The selected types.
        power, limits: See :class:`EMALossBalancer`.
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
        super().__init__(tasks, power, limits, types)
        # Of shape (1,): FSDP refuses parameters without a dimension.
        self.raw = nn.ParameterDict({name: nn.Parameter(torch.tensor([float(init_raw)])) for name in types})

    def forward(self, losses: Mapping[str, Tensor], tracker: TaskLossTracker) -> dict[str, Tensor]:
        """See :class:`LossBalancer`."""
        balanced = super().forward(losses, tracker)
        for name in balanced:
            task_type = self.tasks[name].type
            if task_type in self.raw:
                s = 1 + F.softplus(self.raw[task_type].squeeze())
                balanced[name] = balanced[name] / (2 * s**2) + s.log()
        return balanced
