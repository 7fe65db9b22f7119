"""Weights by learned homoscedastic uncertainty."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.balancers.loss_balancer import LossBalancer
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.models.balancers.task_losses import TaskLosses
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

    scale: Tensor

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
        scale = torch.tensor([0.5 if task.type in regression else 1.0 for task in self.tasks.values()])
        self.register_buffer('scale', scale, persistent=False)
        # Of shape (1,): FSDP refuses parameters without a dimension.
        self.log_variance = nn.ParameterDict({key: nn.Parameter(torch.zeros(1)) for key in self.key.values()})

    def weights(self, tracker: TaskLossTracker) -> Tensor:
        """Return the weights ``1 / s^2`` or ``1 / (2 s^2)``, ``(T,)``."""
        return self.scale * (-self._log_variances(self.tasks)).exp()

    def forward(self, losses: TaskLosses, tracker: TaskLossTracker) -> Tensor:
        """Weigh the losses of the tasks of one type, see :class:`LossBalancer`."""
        logs = self._log_variances(losses.names)
        return self.scale * (-logs).exp() * losses.sums + logs / 2 * losses.counts

    def _log_variances(self, names: Collection[str]) -> Tensor:
        """Return ``log s^2`` of some tasks, ``(T,)``; a constant 0 for the others, so that their s has no gradient."""
        asked = {self.key[name] for name in names}
        zero = self.scale.new_zeros(1)
        return torch.cat([self.log_variance[key] if key in asked else zero for key in self.key.values()])
