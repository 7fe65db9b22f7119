"""What happens to a loss that is no finite number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.dist import all_gather_object, all_reduce, get_world_size
from mmengine.logging import MMLogger
from torch import Tensor, nn

from aurora_mm.errors import AuroraError
from aurora_mm.tasks import Task


class NonFiniteGuard(nn.Module):
    """Counts the losses that had to be left out, and stops a run that has too many.

    Args:
        tasks: The tasks, T of them.
        limit: How many such losses a run bears, over all tasks and ranks.

    Attributes:
        skipped (Tensor): (T,) int64, losses left out so far, on all ranks; kept in the checkpoint.
    """

    skipped: Tensor

    def __init__(self, tasks: Sequence[Task], limit: int) -> None:
        super().__init__()
        self.index = {task.name: i for i, task in enumerate(tasks)}
        self.limit = limit
        self.register_buffer('skipped', torch.zeros(len(tasks), dtype=torch.long))

    def any(self, problems: Mapping[str, str]) -> bool:
        """Whether any rank has problems: all of them get the same answer, and go the same way."""
        if get_world_size() == 1:
            return bool(problems)
        told = torch.tensor(float(bool(problems)), device=self.skipped.device)
        all_reduce(told, op='max')
        return bool(told)

    def report(self, problems: Mapping[str, str]) -> None:
        """Counts and logs the problems of all ranks, each of which calls it.

        Args:
            problems: What is wrong with the losses of this rank, by task.

        Raises:
            AuroraError: On all ranks, if that makes more than the limit; it holds this step's problems.
        """
        told = [problem for part in all_gather_object(dict(problems)) for problem in part.items()]
        for name, _ in told:
            self.skipped[self.index[name]] += 1
        message = '; '.join(text for _, text in told)
        total = int(self.skipped.sum())
        if total > self.limit:
            raise AuroraError(f'{message}. That makes {total} losses left out; a run bears {self.limit}')
        MMLogger.get_current_instance().warning(f'{message}. Left out ({total} so far, a run bears {self.limit})')
