from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aurora_mm.calibration.calibrator import Calibrator, Observation, State, diagonal, pixels
from aurora_mm.calibration.platt_scaling import PlattScaling
from aurora_mm.evaluation.functional import pairwise_iou
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

_BOX = 'box'
_CORRECT = 0.5  # smallest IoU of a correct box


class BoxCalibrator(Calibrator):
    """Calibrates boxes: the score becomes the probability of an IoU of at least 0.5, and each side gets a margin.

    The parameters and the margin are those of the box of the highest score. If an image has several true boxes, it is
    compared with the nearest of its class.
    """

    unit = 'px'
    statement = 'each side of the true box lies within {size} of that of the predicted box'
    parameter_names = PlattScaling._fields

    def observe(self, sample: TaskDataSample, task: Task) -> Observation:
        found, truth = sample.pred_instances, sample.gt_instances
        observation = dict(
            score=np.array(0.0), correct=np.array(False), error=np.array(np.nan), diagonal=diagonal(sample)
        )
        if not len(found.bboxes):
            return observation | dict(error=np.array(np.inf if len(truth.bboxes) else np.nan))
        best = int(found.scores.argmax())
        observation['score'] = found.scores[best].double().cpu().numpy()
        same = truth.bboxes[(truth.labels == found.labels[best]).cpu()].double().cpu().numpy()
        if not len(same):
            return observation | dict(error=np.array(np.inf if len(truth.bboxes) else np.nan))
        box = found.bboxes[best].double().cpu().numpy()
        observation['correct'] = pairwise_iou(box[None], same).max() >= _CORRECT
        observation['error'] = np.abs(same - box).max(1).min() / observation['diagonal']
        return observation

    def fit_probabilities(self, observations: Sequence[Observation], task: Task) -> dict[str, float]:
        return PlattScaling.fit(*_columns(observations))._asdict()

    def confidences(self, observations: Sequence[Observation], parameters: State) -> tuple[np.ndarray, np.ndarray]:
        scores, correct = _columns(observations)
        return (PlattScaling(**parameters)(scores) if parameters else scores), correct

    def scores(self, observation: Observation, task: Task, parameters: State) -> dict[str, float]:
        return {_BOX: float(observation['error'])}

    def size(self, observation: Observation, target: str, limit: float, parameters: State) -> float:
        return limit * float(observation['diagonal'])

    def apply(self, sample: TaskDataSample, task: Task, state: State) -> dict[str, Any]:
        """Set the calibrated scores of all boxes, and return ``margin`` in pixels, that of the best box."""
        scores = sample.pred_instances.scores
        calibrated = PlattScaling(**state['parameters'])(scores.double().cpu().numpy())
        sample.pred_instances.scores = torch.from_numpy(np.asarray(calibrated)).to(scores)
        return dict(margin=pixels(state['limits'].get(_BOX), sample))

    def calibrate_tensors(self, tensors: dict[str, Tensor], parameters: State) -> dict[str, Tensor]:
        """Calibrate ``scores`` (B, N)."""
        logits = tensors['scores'].logit(eps=1e-6)
        return tensors | dict(scores=(parameters['slope'] * logits + parameters['shift']).sigmoid())


def _columns(observations: Sequence[Observation]) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of all boxes, and whether each is correct; an image may have any number of them."""
    scores, correct = (np.concatenate([np.atleast_1d(o[key]) for o in observations]) for key in ('score', 'correct'))
    return scores.astype(np.float64), correct.astype(bool)
