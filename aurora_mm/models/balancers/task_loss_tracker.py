"""Running means of the tasks' losses, used by sampling and balancing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.balancers.shared_sums import SharedSums
from aurora_mm.models.balancers.task_losses import TaskLosses
from aurora_mm.tasks import Task


class TaskLossTracker(SharedSums, nn.Module):
    """Keeps an exponential moving average of each task's unweighted loss, equal on all ranks and saved in checkpoints.

    Every batch is added, and an update of the model's weights includes the batches added since the last one. So four
    accumulated batches of two images, or two ranks with four images each, give the same result as one batch of eight.

    Args:
        tasks: The T tasks, in the order of the buffers.
        momentum: Fraction of the old mean that an update keeps, in [0, 1). The first loss of a task becomes its mean.

    Attributes:
        ema (Tensor): Running means ``(T,)``; NaN for a task that has not been trained yet.
        seen (Tensor): Number of labels trained so far, ``(T,)`` int64.
        batch (Tensor): Mean losses of the last update over all ranks, ``(T,)``; NaN for a task that was not in it.
        sums (Tensor): Sums of the losses and numbers of labels since the last update, ``(2, T)``, of this rank.

    Raises:
        ConfigError: If ``momentum`` is not in [0, 1).
    """

    ema: Tensor
    seen: Tensor
    batch: Tensor

    def __init__(self, tasks: Sequence[Task], momentum: float = 0.98) -> None:
        super().__init__()
        if not 0 <= momentum < 1:
            raise ConfigError(f'ema_momentum {momentum} must be at least 0 and less than 1')
        self.index = {task.name: i for i, task in enumerate(tasks)}
        self.momentum = momentum
        self.register_buffer('ema', torch.full((len(tasks),), torch.nan))
        self.register_buffer('seen', torch.zeros(len(tasks), dtype=torch.long))
        self.register_buffer('batch', torch.full((len(tasks),), torch.nan), persistent=False)
        self.register_buffer('sums', torch.zeros(2, len(tasks)))

    @torch.no_grad()
    def add(self, losses: TaskLosses) -> None:
        """Add the losses of a batch; a task without a finite loss is not counted as trained."""
        self.sums += torch.stack([losses.sums, losses.counts])

    @torch.no_grad()
    def update(self) -> None:
        """Update the running means by the batches added on all ranks; every rank must call it."""
        all_reduce(self.sums)
        total, count = self.sums
        present = count > 0
        mean = total / count.clamp(min=1)
        old = torch.where(self.ema.isnan(), mean, self.ema)
        self.ema.copy_(torch.where(present, self.momentum * old + (1 - self.momentum) * mean, self.ema))
        self.batch.copy_(torch.where(present, mean, torch.nan))
        self.seen += count.round().long()
        self.sums.zero_()

    def means(self) -> dict[str, float | None]:
        """Return the running mean of each task's loss by name, None for one that has not been trained yet."""
        values = self.ema.tolist()
        return {name: None if values[i] != values[i] else values[i] for name, i in self.index.items()}
