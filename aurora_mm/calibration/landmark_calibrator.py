from __future__ import annotations

from typing import Any

import numpy as np

from aurora_mm.calibration.calibrator import Calibrator, Observation, State, diagonal, pixels
from aurora_mm.evaluation.functional import radial_errors
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


class LandmarkCalibrator(Calibrator):
    """Calibrates points: a radius around each point that contains the true point. Points have no probability."""

    unit = 'px'
    statement = 'the true point lies within {size} of the predicted point'

    def observe(self, sample: TaskDataSample, task: Task) -> Observation:
        errors = radial_errors(sample.pred_landmarks.cpu().numpy(), sample.gt_landmarks.cpu().numpy())
        return dict(errors=errors, diagonal=diagonal(sample))

    def scores(self, observation: Observation, task: Task, parameters: State) -> dict[str, float]:
        relative = observation['errors'] / observation['diagonal']
        scores = dict(zip(task.points, relative.tolist(), strict=True))
        return {point: score for point, score in scores.items() if not np.isnan(score)}  # nan without a label

    def size(self, observation: Observation, target: str, limit: float, parameters: State) -> float:
        return limit * float(observation['diagonal'])

    def apply(self, sample: TaskDataSample, task: Task, state: State) -> dict[str, Any]:
        """Return ``radii`` in pixels by the name of the point."""
        return dict(radii={point: pixels(state['limits'].get(point), sample) for point in task.points})
