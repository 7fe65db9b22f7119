"""IGBv1: weight by what is left to gain of a loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from aurora_mm.models.balancers.loss_balancer import LossBalancer
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task


@MODELS.register_module()
class IGBLossBalancer(LossBalancer):
    """Improvable gap balancing, version 1 (Dai, Fei and Lu, UAI 2023, https://arxiv.org/abs/2307.15429).

    Minimises ``sum of w log(L)`` with ``w = T softmax(L / base)``: the factor on a loss is ``w / L``. ``base`` is the
    task's mean loss early in training, in the paper over an early epoch; until there is one, w is 1.

    The paper has every task in every batch. Here L is the running mean of the task's loss; with a momentum of 0 and
    all tasks in the batch, this is the paper's method.

    Args:
        tasks: The tasks, T of them.
        base_steps: The first and the last of a task's steps over which its base is taken, counted from 1.
        eps: Added to losses.
    """

    base_sum: Tensor
    steps: Tensor

    def __init__(
        self, tasks: Sequence[Task | dict], base_steps: tuple[int, int] = (51, 100), eps: float = 1e-8
    ) -> None:
        super().__init__(tasks)
        self.base_steps = tuple(base_steps)
        self.eps = eps
        self.register_buffer('base_sum', torch.zeros(len(self.tasks)))
        self.register_buffer('steps', torch.zeros(len(self.tasks), dtype=torch.long))

    def weights(self, tracker: TaskLossTracker) -> Tensor:
        """(T,) factors ``w / L``; 1 for a task not met yet."""
        first, last = self.base_steps
        base = self.base_sum / (last - first + 1)
        gap = torch.where(self.steps >= last, tracker.ema / (base + self.eps), torch.nan)
        known = ~gap.isnan()
        w = torch.where(known, gap.masked_fill(~known, -torch.inf).softmax(0) * known.sum(), 1.0)
        return (w / (tracker.ema + self.eps)).nan_to_num(nan=1.0)

    @torch.no_grad()
    def observe(self, tracker: TaskLossTracker) -> None:
        """Adds the step's losses to the bases that are still being taken."""
        self.steps += ~tracker.batch.isnan()
        first, last = self.base_steps
        taking = (self.steps >= first) & (self.steps <= last)
        self.base_sum += torch.where(taking, tracker.batch.nan_to_num(nan=0.0), 0.0)
