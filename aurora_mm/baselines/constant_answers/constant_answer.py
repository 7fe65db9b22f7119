"""The base of constant answers: one prediction for all images of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurora_mm.structures import TaskDataSample
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

CONSTANT_ANSWERS: ByTaskType[type[ConstantAnswer]] = ByTaskType('constant answer')


class ConstantAnswer(ABC):
    """Predicts the same for every image of a task.

    It reads training samples (:meth:`add`), computes its prediction (:meth:`finish`) and sets it on samples
    (:meth:`put`).

    Args:
        task: The task to predict.
    """

    def __init__(self, task: Task) -> None:
        self.task = task

    @abstractmethod
    def add(self, sample: Mapping[str, Any]) -> None:
        """Add the annotation of one training sample, in original coordinates.

        Args:
            sample: The sample as nested dicts.

        Raises:
            DataError: If the sample has no annotation.
            ConfigError: If it is not in original coordinates.
        """

    @abstractmethod
    def finish(self) -> None:
        """Compute the prediction from all samples added so far, at least one."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return the prediction as plain values, for JSON or a checkpoint."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore the prediction that :meth:`state` returned, instead of learning it."""

    @abstractmethod
    def put(self, sample: TaskDataSample) -> None:
        """Set the prediction of a sample, in original coordinates."""

    def put_fallback(self, sample: TaskDataSample) -> None:
        """Set the prediction of a sample whose image cannot be read; by default the same prediction."""
        self.put(sample)


def width_height(sample: Mapping[str, Any] | TaskDataSample) -> NDArray[np.float64]:
    """Return width and height of the original image in pixels, (2,)."""
    shape: Any = sample.get('ori_shape')
    return np.array(shape[::-1], np.float64)
