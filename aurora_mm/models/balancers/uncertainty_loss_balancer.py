"""Weights by learned homoscedastic uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.balancers.loss_balancer import LossBalancer
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task


@MODELS.register_module()
class UncertaintyLossBalancer(LossBalancer):
    """Kendall, Gal and Cipolla, CVPR 2018 (https://arxiv.org/abs/1705.07115).

    ``L / (2 s^2) + log s`` for the types with regression losses, ``L / s^2 + log s`` for the others, where
    ``log s^2`` is learned, from 0 on.

    Args:
        tasks: The tasks, T of them.
        per: 'type' or 'task': what has an s of its own.
        regression: The types with regression losses.

    Raises:
        ConfigError: If ``per`` is neither.
    """

    def __init__(
        self, tasks: Sequence[Task | dict], per: str = 'type', regression: Sequence[str] = ('landmark', 'detection')
    ) -> None:
        super().__init__(tasks)
        if per not in ('type', 'task'):
            raise ConfigError(f"UncertaintyLossBalancer: per={per!r} is neither 'type' nor 'task'")
        self.key = {task.name: task.type if per == 'type' else task.name for task in self.tasks.values()}
        self.scale = {task.name: 0.5 if task.type in regression else 1.0 for task in self.tasks.values()}
        # Of shape (1,): FSDP refuses parameters without a dimension.
        self.log_variance = nn.ParameterDict({key: nn.Parameter(torch.zeros(1)) for key in self.key.values()})

    def weights(self, tracker: TaskLossTracker) -> Tensor:
        """(T,) factors ``1 / s^2`` or ``1 / (2 s^2)``."""
        return torch.cat([self.scale[name] * (-self.log_variance[self.key[name]]).exp() for name in self.tasks])

    def forward(self, losses: Mapping[str, Tensor], tracker: TaskLossTracker) -> dict[str, Tensor]:
        """See :class:`LossBalancer`."""
        weights = self.weights(tracker)
        return {
            name: weights[tracker.index[name]] * loss + self.log_variance[self.key[name]].squeeze() / 2
            for name, loss in losses.items()
        }
