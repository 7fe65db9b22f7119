"""Constant weights, chosen by hand or by a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from aurora_mm.models.balancers.factors import factors_of
from aurora_mm.models.balancers.loss_balancer import LossBalancer
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task


@MODELS.register_module()
class FixedLossBalancer(LossBalancer):
    """Multiplies each loss by a constant. ``aurora-mm search-weights`` searches for good ones.

    Args:
        tasks: The T tasks.
        factors: Weights by task name or task type; the name takes precedence. All other weights are 1.

    Raises:
        ConfigError: If a key is neither a task nor a task type, or a weight is negative.
    """

    factors: Tensor

    def __init__(self, tasks: Sequence[Task | dict[str, Any]], factors: Mapping[str, float]) -> None:
        super().__init__(tasks)
        chosen = factors_of(self.tasks.values(), factors, type(self).__name__)
        # Not part of the state: another config may continue a checkpoint with other weights.
        self.register_buffer('factors', chosen, persistent=False)

    def weights(self, tracker: TaskLossTracker) -> Tensor:
        """Return the weights ``(T,)``."""
        return self.factors
