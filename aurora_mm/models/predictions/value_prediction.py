from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from aurora_mm.models.predictions.prediction import PREDICTIONS, Prediction
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


class ValuePrediction(Prediction):
    """A predicted number: ``pred_value`` (1,); merged by averaging."""

    def merge(self, merged: TaskDataSample, samples: Sequence[TaskDataSample]) -> None:
        merged.pred_value = torch.stack([sample.pred_value for sample in samples]).mean(0)

    def plain(self, sample: TaskDataSample, task: Task) -> dict[str, Any]:
        """Return ``value`` and ``unit``, '' if the task has none."""
        return dict(value=float(sample.pred_value), unit=task.unit)


PREDICTIONS['scalar_regression'] = ValuePrediction()
