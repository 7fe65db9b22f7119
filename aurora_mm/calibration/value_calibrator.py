from __future__ import annotations

from typing import Any

import numpy as np

from aurora_mm.calibration.calibrator import Calibrator, Observation, State
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

_VALUE = 'value'


class ValueCalibrator(Calibrator):
    """Calibrates numbers: a margin around the predicted number that contains the true one. They have no probability."""

    unit = 'units'
    statement = 'the true number lies within {size} of the predicted number'

    def unit_of(self, task: Task) -> str:
        return task.unit or self.unit

    def observe(self, sample: TaskDataSample, task: Task) -> Observation:
        return dict(error=np.abs(sample.pred_value.double().cpu().numpy() - sample.gt_value.cpu().numpy())[0])

    def scores(self, observation: Observation, task: Task, parameters: State) -> dict[str, float]:
        return {_VALUE: float(observation['error'])}

    def size(self, observation: Observation, target: str, limit: float, parameters: State) -> float:
        return limit

    def apply(self, sample: TaskDataSample, task: Task, state: State) -> dict[str, Any]:
        """Return ``interval``, the least and the largest number, in the unit of the task; None if there is no limit."""
        limit, value = state['limits'].get(_VALUE), float(sample.pred_value)
        return dict(interval=None if limit is None else [value - limit, value + limit])
