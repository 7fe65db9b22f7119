"""The constant answer of tasks with a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from aurora_mm.baselines.constant_answers.constant_answer import CONSTANT_ANSWERS, ConstantAnswer
from aurora_mm.evaluation.sample_fields import annotation
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


@CONSTANT_ANSWERS.register('scalar_regression')
class ConstantValue(ConstantAnswer):
    """Predicts the median of the training values, which has the smallest mean absolute error."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._values: list[float] = []

    def add(self, sample: Mapping[str, Any]) -> None:
        self._values.append(float(annotation(sample, 'gt_value')))

    def finish(self) -> None:
        self._median = float(np.median(self._values))

    def state(self) -> dict[str, Any]:
        return {'value': self._median}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._median = float(state['value'])

    def put(self, sample: TaskDataSample) -> None:
        sample.pred_value = torch.tensor([self._median])
