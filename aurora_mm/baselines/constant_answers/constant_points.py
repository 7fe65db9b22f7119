"""The constant answer of landmark tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aurora_mm.baselines.constant_answers.constant_answer import CONSTANT_ANSWERS, ConstantAnswer, width_height
from aurora_mm.evaluation.sample_fields import annotation_in_original_coordinates
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


@CONSTANT_ANSWERS.register('landmark')
class ConstantPoints(ConstantAnswer):
    """Predicts the median of each coordinate, relative to the image size.

    A point that is labelled in no image is predicted in the centre.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._points: list[NDArray[np.float64]] = []  # (K, 2) each, normalised by width and height

    def add(self, sample: Mapping[str, Any]) -> None:
        truth = annotation_in_original_coordinates(sample, 'gt_landmarks').double().cpu().numpy()
        self._points.append(truth / width_height(sample))

    def finish(self) -> None:
        points = np.stack(self._points)
        never = np.isnan(points).all(axis=0, keepdims=True)
        self._median = np.nanmedian(np.where(never, 0.5, points), axis=0)

    def state(self) -> dict[str, Any]:
        return {'points': self._median.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._median = np.array(state['points'])

    def put(self, sample: TaskDataSample) -> None:
        sample.pred_landmarks = torch.from_numpy(self._median * width_height(sample)).float()
