from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from aurora_mm.calibration.calibrator import Observation, State
from aurora_mm.calibration.temperature import temper
from aurora_mm.calibration.temperature_calibrator import TemperatureCalibrator
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

_SET = 'class'


class LabelCalibrator(TemperatureCalibrator):
    """Calibrates classes: a temperature, and the set of classes that contains the true one.

    The set holds the predicted class and every class of a probability of at least 1 - limit (least ambiguous sets,
    Sadinle et al. 2019). It is never empty.
    """

    unit = 'classes'
    statement = 'the true class is in the set of classes'

    def observe(self, sample: TaskDataSample, task: Task) -> Observation:
        return dict(probs=sample.pred_scores.double().cpu().numpy(), truth=sample.gt_label.cpu().numpy())

    def scores(self, observation: Observation, task: Task, parameters: State) -> dict[str, float]:
        return {_SET: float(_class_scores(observation['probs'], parameters)[observation['truth'][0]])}

    def size(self, observation: Observation, target: str, limit: float, parameters: State) -> float:
        return float((_class_scores(observation['probs'], parameters) <= limit).sum())

    def apply(self, sample: TaskDataSample, task: Task, state: State) -> dict[str, Any]:
        """Set ``pred_scores`` to the calibrated probabilities, and return ``classes``, the names in the set."""
        probs = sample.pred_scores.double().cpu().numpy()
        calibrated = temper(probs, state['parameters']['temperature'])
        sample.pred_scores = torch.from_numpy(calibrated).to(sample.pred_scores)
        limit = state['limits'].get(_SET)
        inside = [True] * len(probs) if limit is None else _class_scores(probs, state['parameters']) <= limit
        return dict(classes=[name for name, is_in in zip(task.classes, inside, strict=True) if is_in])

    def calibrate_tensors(self, tensors: dict[str, Tensor], parameters: State) -> dict[str, Tensor]:
        """Calibrate ``probs`` (B, C)."""
        logits = tensors['probs'].clamp(min=1e-12).log()
        return tensors | dict(probs=(logits / parameters['temperature']).softmax(1))


def _class_scores(probs: np.ndarray, parameters: State) -> np.ndarray:
    """Return the conformal score of each class, (C,); that of the most probable class is 0."""
    calibrated = temper(probs, parameters['temperature'])
    scores = 1 - calibrated
    scores[calibrated.argmax()] = 0
    return scores
