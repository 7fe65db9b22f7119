from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aurora_mm.calibration.calibrator import Calibrator, Observation, State
from aurora_mm.calibration.temperature import fit_temperature, temper
from aurora_mm.structures import LABEL_THRESHOLD, TaskDataSample
from aurora_mm.tasks import Task


class MultiLabelCalibrator(Calibrator):
    """Calibrates classes that do not exclude each other: a temperature for each class, and which classes are certain.

    For each class there is a conformal set of answers, yes and no: the predicted one, and the other if its probability
    is at least 1 - limit. The predicted classes do not change.
    """

    unit = 'answers'
    statement = 'the true answer for a class, yes or no, is in the set of answers'

    def names_of_parameters(self, task: Task) -> tuple[str, ...]:
        return tuple(f'temperature_{index:04d}' for index in range(task.num_outputs))

    def observe(self, sample: TaskDataSample, task: Task) -> Observation:
        return dict(
            probs=sample.pred_scores.double().cpu().numpy(),
            truth=sample.gt_scores.cpu().numpy() == 1,
            names=np.array(task.classes),
        )

    def fit_probabilities(self, observations: Sequence[Observation], task: Task) -> dict[str, float]:
        probs, truth = _columns(observations)
        columns = zip(self.names_of_parameters(task), probs.T, truth.T, strict=True)
        return {name: fit_temperature(_answers(p), t.astype(int)) for name, p, t in columns}

    def confidences(self, observations: Sequence[Observation], parameters: State) -> tuple[np.ndarray, np.ndarray]:
        probs, truth = _columns(observations)
        found = _calibrated(probs, parameters) if parameters else probs
        predicted = found >= LABEL_THRESHOLD
        return np.where(predicted, found, 1 - found).ravel(), (predicted == truth).ravel()

    def scores(self, observation: Observation, task: Task, parameters: State) -> dict[str, float]:
        right = _scores(_calibrated(observation['probs'], parameters))  # (C, 2)
        answers = observation['truth'].astype(int)
        return dict(zip(task.classes, right[np.arange(len(answers)), answers].tolist(), strict=True))

    def size(self, observation: Observation, target: str, limit: float, parameters: State) -> float:
        index = observation['names'].tolist().index(target)
        return float((_scores(_calibrated(observation['probs'], parameters))[index] <= limit).sum())

    def apply(self, sample: TaskDataSample, task: Task, state: State) -> dict[str, Any]:
        """Set ``pred_scores`` to the calibrated probabilities, and return names of classes.

        ``present`` are those for which the set has yes alone, ``undecided`` those for which it has yes and no.
        """
        calibrated = _calibrated(sample.pred_scores.double().cpu().numpy(), state['parameters'])
        sample.pred_scores = torch.from_numpy(calibrated).to(sample.pred_scores)
        present, undecided = [], []
        for name, probability, scores in zip(task.classes, calibrated, _scores(calibrated), strict=True):
            limit = state['limits'].get(name)
            if limit is None or (scores <= limit).all():
                undecided.append(name)
            elif probability >= LABEL_THRESHOLD:
                present.append(name)
        return dict(present=present, undecided=undecided)

    def calibrate_tensors(self, tensors: dict[str, Tensor], parameters: State) -> dict[str, Tensor]:
        """Calibrate ``label_probs`` (B, C)."""
        probs = tensors['label_probs']
        temperatures = torch.tensor(_temperatures(parameters), dtype=probs.dtype, device=probs.device)
        return tensors | dict(label_probs=(probs.logit(eps=1e-6) / temperatures).sigmoid())


def _columns(observations: Sequence[Observation]) -> tuple[np.ndarray, np.ndarray]:
    return np.stack([o['probs'] for o in observations]), np.stack([o['truth'] for o in observations])


def _temperatures(parameters: State) -> list[float]:
    return [parameters[name] for name in sorted(parameters)]


def _answers(probs: np.ndarray) -> np.ndarray:
    """Return the probabilities of no and yes, (..., 2)."""
    return np.stack([1 - probs, probs], axis=-1)


def _calibrated(probs: np.ndarray, parameters: State) -> np.ndarray:
    """Return the calibrated probabilities of the classes, (..., C)."""
    columns = zip(np.moveaxis(probs, -1, 0), _temperatures(parameters), strict=True)
    return np.stack([temper(_answers(column), value)[..., 1] for column, value in columns], axis=-1)


def _scores(probs: np.ndarray) -> np.ndarray:
    """Return the conformal scores of no and yes for each class, (C, 2); that of the predicted answer is 0."""
    scores = 1 - _answers(probs)
    scores[np.arange(len(probs)), (probs >= LABEL_THRESHOLD).astype(int)] = 0
    return scores
