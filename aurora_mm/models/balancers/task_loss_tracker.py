"""Running means of the tasks' losses: what sampling and balancing steer by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from aurora_mm.tasks import Task


class TaskLossTracker(nn.Module):
    """Exponential moving average of each task's unweighted loss, equal on all ranks and kept in the checkpoint.

    Every batch is added; an update of the weights takes in the batches added since the last one. So four accumulated
    batches of two images, or two ranks with four each, leave what one batch of eight does.

    Args:
        tasks: The tasks, T of them; their order is that of the buffers.
        momentum: Share of the old mean that an update keeps. The first loss of a task is taken whole.

    Attributes:
        ema (Tensor): (T,), NaN for a task not met yet.
        seen (Tensor): (T,) int64, labels met so far.
        batch (Tensor): (T,) mean loss of the last update over all ranks, NaN for a task that was not in it.
        sums (Tensor): (2, T) sums of the losses, and numbers of labels, since the last update, on this rank.
    """

    ema: Tensor
    seen: Tensor
    batch: Tensor
    sums: Tensor

    def __init__(self, tasks: Sequence[Task], momentum: float = 0.98) -> None:
        super().__init__()
        self.index = {task.name: i for i, task in enumerate(tasks)}
        self.momentum = momentum
        self.register_buffer('ema', torch.full((len(tasks),), torch.nan))
        self.register_buffer('seen', torch.zeros(len(tasks), dtype=torch.long))
        self.register_buffer('batch', torch.full((len(tasks),), torch.nan), persistent=False)
        self.register_buffer('sums', torch.zeros(2, len(tasks)))

    @torch.no_grad()
    def add(self, losses: Mapping[str, Tensor], counts: Mapping[str, Tensor | int]) -> None:
        """Add a batch.

        Args:
            losses: Finite mean loss over the labels of each task in the batch.
            counts: Number of those labels; a task of which there are none is not counted as met.
        """
        for name, loss in losses.items():
            self.sums[0, self.index[name]] += loss.detach().float() * counts[name]
            self.sums[1, self.index[name]] += counts[name]

    @torch.no_grad()
    def update(self) -> None:
        """Take in what was added on all ranks; every rank calls it, whatever tasks it holds."""
        all_reduce(self.sums)
        total, count = self.sums
        present = count > 0
        mean = total / count.clamp(min=1)
        old = torch.where(self.ema.isnan(), mean, self.ema)
        self.ema.copy_(torch.where(present, self.momentum * old + (1 - self.momentum) * mean, self.ema))
        self.batch.copy_(torch.where(present, mean, torch.nan))
        self.seen += count.round().long()
        self.sums.zero_()

    @torch.no_grad()
    def share(self) -> None:
        """Spread what was added since the last update evenly over the ranks, so that any rank's state tells of all."""
        all_reduce(self.sums, op='mean')

    def means(self) -> dict[str, float | None]:
        """The running mean of each task's loss, None for one not met yet."""
        values = self.ema.tolist()
        return {name: None if values[i] != values[i] else values[i] for name, i in self.index.items()}
