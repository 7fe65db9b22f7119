"""What can be done with the predictions of a type of task, whichever head made them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from aurora_mm.errors import ConfigError
from aurora_mm.structures import TaskDataSample
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task


class Prediction:
    """How predictions of one type of task are renamed after a flip, merged, and given as plain values.

    All of them are fields ``pred_...`` of a data sample, in pixels of the original image. The base serves types of
    other packages that register nothing: it gives plain values and refuses the rest. An instance holds no state.
    """

    def unflip(self, sample: TaskDataSample, task: Task) -> None:
        """Give the prediction on a mirrored image the names that it has in the original one, in place.

        In a mirrored image a left end looks like a right one. Training follows ``task.flip_indices``: output ``i``
        there stands for class or point ``flip_indices[i]`` of the original image. Positions are not touched:
        ``sample.homography_matrix`` already took them back. Called for tasks with ``swaps`` alone.

        Raises:
            ConfigError: If predictions of this type cannot be renamed.
        """
        raise ConfigError(f'task {task.name!r} has swaps, but predictions of type {task.type!r} cannot be renamed')

    def merge(self, merged: TaskDataSample, samples: Sequence[TaskDataSample]) -> None:
        """Set in ``merged`` the mean of several predictions, before any decision.

        Args:
            merged: A copy of the first sample.
            samples: Predictions of one image for one task; one or more.

        Raises:
            ConfigError: If predictions of this type, or of this head, cannot be merged.
        """
        raise ConfigError(
            f'task {merged.task!r}: predictions of type {merged.task_type!r} cannot be merged over views or models; '
            'register a Prediction for the type in aurora_mm.models.predictions.PREDICTIONS'
        )

    def plain(self, sample: TaskDataSample, task: Task) -> dict[str, Any]:
        """Give the prediction as plain values, ready for JSON but for arrays.

        The base gives every field that starts with ``pred_`` under its name without that, a tensor as a list.
        """
        fields = {key.removeprefix('pred_'): sample.get(key) for key in sample.keys() if key.startswith('pred_')}  # noqa: SIM118 (a data element is no dict)
        return {name: value.tolist() if isinstance(value, Tensor) else value for name, value in fields.items()}


PREDICTIONS: ByTaskType[Prediction] = ByTaskType('prediction')


def prediction_of(task_type: str) -> Prediction:
    """Return what is registered for a type of task, or the base."""
    return PREDICTIONS.get(task_type) or Prediction()
