"""The base of predictions: what differs between the predictions of the task types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from aurora_mm.errors import ConfigError
from aurora_mm.structures import TaskDataSample
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task


class Prediction:
    """Renames predictions of one task type after a flip, merges them and converts them to plain values.

    Predictions are the fields ``pred_...`` of a data sample, in pixels of the original image. This base is used for
    types of other packages that register no class: it converts to plain values and refuses the rest. Instances have no
    state.
    """

    def unflip(self, sample: TaskDataSample, task: Task) -> None:
        """Rename the classes or points of a prediction on a mirrored image to those of the original image, in place.

        In a mirrored image a left end looks like a right one. As in training with ``task.flip_indices``, output ``i``
        of the mirrored image stands for class or point ``flip_indices[i]`` of the original image. Positions do not
        change, because ``sample.homography_matrix`` has already mapped them back. It is called only for tasks with
        ``swaps``.

        Args:
            sample: The sample with the prediction.
            task: Its task.

        Raises:
            ConfigError: If predictions of this type cannot be renamed.
        """
        raise ConfigError(f'task {task.name!r} has swaps, but predictions of type {task.type!r} cannot be renamed')

    def merge(self, merged: TaskDataSample, samples: Sequence[TaskDataSample]) -> None:
        """Set the merged prediction of several predictions of one image.

        Args:
            merged: A copy of the first sample, in which the prediction is set.
            samples: Predictions of one image for one task; at least one.

        Raises:
            ConfigError: If predictions of this type, or of this head, cannot be merged.
        """
        raise ConfigError(
            f'task {merged.task!r}: predictions of type {merged.task_type!r} cannot be merged over views or models; '
            'register a Prediction for the type in aurora_mm.models.predictions.PREDICTIONS'
        )

    def class_masks(self, sample: TaskDataSample, task: Task) -> np.ndarray | None:
        """Return the predicted pixels of each class, (N, H, W) bool in the order of ``task.target_names``.

        Args:
            sample: The sample with the prediction, H x W pixels.
            task: Its task.

        Returns:
            The masks; None for a type that predicts none, as for the base.
        """
        return None

    def plain(self, sample: TaskDataSample, task: Task) -> dict[str, Any]:
        """Convert the prediction to values that JSON can hold, except that masks are arrays.

        The base returns every field that starts with ``pred_`` under its name without that prefix, tensors as lists.

        Args:
            sample: The sample with the prediction.
            task: Its task.
        """
        fields = {key.removeprefix('pred_'): sample.get(key) for key in sample.keys() if key.startswith('pred_')}  # noqa: SIM118 (a data element is no dict)
        return {name: value.tolist() if isinstance(value, Tensor) else value for name, value in fields.items()}


PREDICTIONS: ByTaskType[Prediction] = ByTaskType('prediction')


def prediction_of(task_type: str) -> Prediction:
    """Return the class registered for a task type, or the base."""
    return PREDICTIONS.get(task_type) or Prediction()
