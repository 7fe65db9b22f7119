from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aurora_mm.calibration.calibrator import Calibrator, Observation, State
from aurora_mm.calibration.temperature import fit_temperature, temper
from aurora_mm.tasks import Task


class TemperatureCalibrator(Calibrator):
    """The base of calibrators of class probabilities: one temperature for all of a task.

    Observations have ``probs``, ``(C,)`` or ``(n, C)``, and ``truth``, ``(1,)`` or ``(n,)``, of an image or of n of its
    pixels.
    """

    parameter_names = ('temperature',)

    def fit_probabilities(self, observations: Sequence[Observation], task: Task) -> dict[str, float]:
        return dict(temperature=fit_temperature(*_columns(observations)))

    def confidences(self, observations: Sequence[Observation], parameters: State) -> tuple[np.ndarray, np.ndarray]:
        probs, truth = _columns(observations)
        probs = temper(probs, parameters.get('temperature', 1.0))
        return probs.max(1), probs.argmax(1) == truth


def _columns(observations: Sequence[Observation]) -> tuple[np.ndarray, np.ndarray]:
    return np.vstack([o['probs'] for o in observations]), np.concatenate([o['truth'] for o in observations])
