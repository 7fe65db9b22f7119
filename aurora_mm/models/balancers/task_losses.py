from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from aurora_mm.models.utils.tensor_like import tensor_like


class TaskLosses(NamedTuple):
    """The losses of some tasks in a batch, summed over the labels of each task.

    Legend: T tasks, in the order of the task table; n labels.

    Attributes:
        names (list[str]): The tasks.
        finite (Tensor): Whether the loss of each label is finite, ``(n,)`` bool, one task after the other as in
            ``names``.
        sums (Tensor): Sums of the losses that are finite, ``(T,)`` fp32; 0 for a task that is not in ``names``.
        counts (Tensor): Number of losses in each sum, ``(T,)`` fp32.
    """

    names: list[str]
    finite: Tensor
    sums: Tensor
    counts: Tensor

    @classmethod
    def add_up(cls, labels: Mapping[str, Tensor], tasks: Sequence[str]) -> TaskLosses:
        """Sum the losses of labels by task, in the same number of operations for any number of tasks.

        A loss that is not finite is left out, and its gradient is 0. The host does not wait for the device.

        Args:
            labels: The losses of the labels of each task, ``(n_t,)``.
            tasks: The names of all T tasks.
        """
        losses = torch.cat([loss.float() for loss in labels.values()])
        finite = losses.isfinite()
        names = [name for name, loss in labels.items() for _ in range(len(loss))]
        of_task = tensor_like([[name == task for name in names] for task in tasks], losses)  # (T, n)
        # Autocast would round a product of matrices to bfloat16, and ``index_add`` adds in another order in each run on
        # a GPU.
        return cls(list(labels), finite, (of_task * losses.where(finite, 0)).sum(1), (of_task * finite).sum(1))
