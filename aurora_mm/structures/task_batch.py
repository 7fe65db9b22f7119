"""One task's part of a batch."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from aurora_mm.structures.task_data_sample import TaskDataSample
from aurora_mm.tasks import Task


class TaskBatch(NamedTuple):
    """The images of a batch that one task is asked of.

    Args:
        task: The task.
        rows: ``(n,)`` int64, the positions of the images in the maps that the head reads, on their device; None where
            these are all images, in their order.
        samples: The task's samples of these images, n of them.
    """

    task: Task
    rows: Tensor | None
    samples: list[TaskDataSample]

    def take(self, x: Tensor) -> Tensor:
        """The task's images ``(n, ...)`` of a tensor ``(B, ...)``."""
        return x if self.rows is None else x.index_select(0, self.rows)
