"""IGBv1: weights from how much each loss can still improve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from aurora_mm.models.balancers.loss_balancer import LossBalancer
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task


@MODELS.register_module()
class IGBLossBalancer(LossBalancer):
    """Improvable gap balancing, version 1 (Dai, Fei and Lu, UAI 2023, https://arxiv.org/abs/2307.15429).

    It minimises ``sum of w log(L)`` with ``w = T softmax(L / base)``, so the weight of a loss is ``w / L``. ``base`` is
    the mean loss of the task early in training, in the paper over an early epoch; w is 1 until it is known.

    In the paper every batch holds all tasks. Here L is the running mean of the task's loss; with a momentum of 0 and
    all tasks in the batch, this is the method of the paper.

    Args:
        tasks: The T tasks.
        base_steps: First and last of a task's updates, counted from 1, over which ``base`` is averaged.
        eps: Value that is added to losses before they are divided by.
    """

    base_sum: Tensor
    steps: Tensor

    def __init__(
        self, tasks: Sequence[Task | dict[str, Any]], base_steps: tuple[int, int] = (51, 100), eps: float = 1e-8
    ) -> None:
        super().__init__(tasks)
        self.base_steps = tuple(base_steps)
        self.eps = eps
        self.register_buffer('base_sum', torch.zeros(len(self.tasks)))
        self.register_buffer('steps', torch.zeros(len(self.tasks), dtype=torch.long))

    def weights(self, tracker: TaskLossTracker) -> Tensor:
        """Return the weights ``w / L``, ``(T,)``; 1 for a task that has not been trained yet."""
        first, last = self.base_steps
        base = self.base_sum / (last - first + 1)
        gap = torch.where(self.steps >= last, tracker.ema / (base + self.eps), torch.nan)
        known = ~gap.isnan()
        w = torch.where(known, gap.masked_fill(~known, -torch.inf).softmax(0) * known.sum(), 1.0)
        return (w / (tracker.ema + self.eps)).nan_to_num(nan=1.0)

    @torch.no_grad()
    def observe(self, tracker: TaskLossTracker) -> None:
        """Add the losses of an update to the sums for ``base``, for tasks that are within ``base_steps``."""
        self.steps += ~tracker.batch.isnan()
        first, last = self.base_steps
        taking = (self.steps >= first) & (self.steps <= last)
        self.base_sum += torch.where(taking, tracker.batch.nan_to_num(nan=0.0), 0.0)
