"""FAMO: weights with which all losses fall at the same rate."""

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
class FAMOLossBalancer(LossBalancer):
    """Fast Adaptive Multitask Optimization (Liu et al., NeurIPS 2023, https://arxiv.org/abs/2306.03792).

    It minimises ``sum of z log(L)``, scaled so that the weights of the losses have mean 1: the weight of task i is
    ``T c z_i / L_i`` with ``c = 1 / sum of z / L`` and ``z = softmax(logits)``. After each step the logits take an Adam
    step along ``J^T (log L_before - log L_after)``, where J is the Jacobian of the softmax, so that a task whose loss
    falls more slowly than others gets more weight. No other gradient than that of the training is computed.

    In the paper every batch holds all tasks and is evaluated again after the step. Here a batch holds few tasks and few
    images, so L is the running mean of each task's loss before and after the step. With a momentum of 0 and all tasks
    in the batch, this is the method of the paper, except that L_after is taken from the next batch.

    Args:
        tasks: The T tasks.
        lr: Learning rate of the logits.
        decay: L2 weight decay of the logits (gamma in the paper).
        eps: Value that is added to losses before they are divided by or their logarithm is taken.
    """

    logits: Tensor
    before: Tensor
    moments: Tensor
    steps: Tensor

    def __init__(
        self, tasks: Sequence[Task | dict[str, Any]], lr: float = 0.025, decay: float = 0.001, eps: float = 1e-8
    ) -> None:
        super().__init__(tasks)
        self.lr = lr
        self.decay = decay
        self.eps = eps
        self.register_buffer('logits', torch.zeros(len(self.tasks)))
        self.register_buffer('before', torch.full((len(self.tasks),), torch.nan))
        self.register_buffer('moments', torch.zeros(2, len(self.tasks)))
        self.register_buffer('steps', torch.zeros(()))

    def weights(self, tracker: TaskLossTracker) -> Tensor:
        """Return the weights ``(T,)``, of mean 1 over the tasks trained so far; 1 for the others."""
        rate = self.logits.softmax(0) / (tracker.ema + self.eps)
        return (rate / rate.nanmean()).nan_to_num(nan=1.0)

    @torch.no_grad()
    def observe(self, tracker: TaskLossTracker) -> None:
        """Update the logits by one Adam step; the first update only stores the losses."""
        delta = (self.before + self.eps).log() - (tracker.ema + self.eps).log()
        self.before.copy_(tracker.ema)
        known = ~delta.isnan().all()  # otherwise nothing changes; computed on the device, so the host does not wait
        z = self.logits.softmax(0)
        delta = delta.nan_to_num(nan=0.0)
        gradient = z * (delta - (z * delta).sum()) + self.decay * self.logits
        self.steps += known
        self.moments[0].lerp_(gradient, (1 - 0.9) * known)
        self.moments[1].lerp_(gradient**2, (1 - 0.999) * known)
        steps = self.steps.clamp(min=1)
        first, second = self.moments[0] / (1 - 0.9**steps), self.moments[1] / (1 - 0.999**steps)
        self.logits -= self.lr * known * first / (second.sqrt() + 1e-8)
