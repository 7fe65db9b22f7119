"""Running means of the tasks' losses: what sampling and balancing steer by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from aurora_mm.tasks import Task


class TaskLossTracker(nn.Module):
    """Exponential moving average of each task's unweighted loss, equal on all ranks and kept in the checkpoint.

    Args:
        tasks: The tasks, T of them; their order is that of the buffers.
        momentum: Share of the old mean that an update keeps. The first loss of a task is taken whole.

    Attributes:
        ema (Tensor): (T,), NaN for a task not met yet.
        seen (Tensor): (T,) int64, images met so far.
        batch (Tensor): (T,) mean loss of the last step over all ranks, NaN for a task that was not in it.
    """

    ema: Tensor
    seen: Tensor
    batch: Tensor

    def __init__(self, tasks: Sequence[Task], momentum: float = 0.98) -> None:
        super().__init__()
        self.index = {task.name: i for i, task in enumerate(tasks)}
        self.momentum = momentum
        self.register_buffer('ema', torch.full((len(tasks),), torch.nan))
        self.register_buffer('seen', torch.zeros(len(tasks), dtype=torch.long))
        self.register_buffer('batch', torch.full((len(tasks),), torch.nan), persistent=False)

    @torch.no_grad()
    def update(self, losses: Mapping[str, Tensor], counts: Mapping[str, int]) -> None:
        """Takes in one step; every rank calls it once a step, whatever tasks it holds.

        Args:
            losses: Finite mean loss over the images of each task in the batch. counts: Number of those images.
        """
        step = torch.zeros(2, len(self.ema), device=self.ema.device)
        for name, loss in losses.items():
            step[0, self.index[name]] = loss.detach().float() * counts[name]
            step[1, self.index[name]] = counts[name]
        all_reduce(step)
        total, count = step
        present = count > 0
        mean = total / count.clamp(min=1)
        old = torch.where(self.ema.isnan(), mean, self.ema)
        self.ema.copy_(torch.where(present, self.momentum * old + (1 - self.momentum) * mean, self.ema))
        self.batch.copy_(torch.where(present, mean, torch.nan))
        self.seen += count.long()

    def means(self) -> dict[str, float | None]:
        """The running mean of each task's loss, None for one not met yet."""
        values = self.ema.tolist()
        return {name: None if values[i] != values[i] else values[i] for name, i in self.index.items()}
