"""Weights by learned homoscedastic uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.balancers.loss_balancer import LossBalancer
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task


@MODELS.register_module()
class UncertaintyLossBalancer(LossBalancer):
    """Homoscedastic uncertainty (Kendall, Gal and Cipolla, CVPR 2018, https://arxiv.org/abs/1705.07115).

    A loss becomes ``L / (2 s^2) + log s`` for task types with regression losses and ``L / s^2 + log s`` for the others,
    where ``log s^2`` is learned and starts at 0.

    Args:
        tasks: The T tasks.
        per: Whether each 'type' or each 'task' has its own s.
        regression: Task types with regression losses.

    Raises:
        ConfigError: If ``per`` is neither 'type' nor 'task'.
    """

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        per: str = 'type',
        regression: Sequence[str] = ('landmark', 'detection', 'multi_object_detection', 'scalar_regression'),
    ) -> None:
        super().__init__(tasks)
        if per not in ('type', 'task'):
            raise ConfigError(f"UncertaintyLossBalancer: per={per!r} is neither 'type' nor 'task'")
        self.key = {task.name: task.type if per == 'type' else task.name for task in self.tasks.values()}
        self.scale = {task.name: 0.5 if task.type in regression else 1.0 for task in self.tasks.values()}
        # Of shape (1,): FSDP refuses parameters without a dimension.
        self.log_variance = nn.ParameterDict({key: nn.Parameter(torch.zeros(1)) for key in self.key.values()})

    def weights(self, tracker: TaskLossTracker) -> Tensor:
        """Return the weights ``1 / s^2`` or ``1 / (2 s^2)``, ``(T,)``."""
        return torch.cat([self.scale[name] * (-self.log_variance[self.key[name]]).exp() for name in self.tasks])

    def forward(self, losses: Mapping[str, Tensor], tracker: TaskLossTracker) -> dict[str, Tensor]:
        """Weigh the losses of one batch, see :class:`LossBalancer`."""
        weights = self.weights(tracker)
        return {
            name: weights[tracker.index[name]] * loss + self.log_variance[self.key[name]].squeeze() / 2
            for name, loss in losses.items()
        }
