"""The images of a batch that belong to one task."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from aurora_mm.structures.task_data_sample import TaskDataSample
from aurora_mm.tasks import Task


class TaskBatch(NamedTuple):
    """The images of a batch that belong to one task.

    Args:
        task: The task.
        rows: ``(n,)`` int64 indices of the images in the batch, on the device of the feature maps. None if the task
            has all images of the batch.
        samples: The n samples of the task.
    """

    task: Task
    rows: Tensor | None
    samples: list[TaskDataSample]

    def take(self, x: Tensor) -> Tensor:
        """Select the images of the task, ``(n, ...)``, from a tensor of the batch, ``(B, ...)``."""
        return x if self.rows is None else x.index_select(0, self.rows)
