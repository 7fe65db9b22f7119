from __future__ import annotations

from typing import Any

import numpy as np

from aurora_mm.calibration.box_calibrator import BoxCalibrator
from aurora_mm.calibration.calibrator import Observation, State
from aurora_mm.evaluation.functional import match_boxes
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


class MultiBoxCalibrator(BoxCalibrator):
    """Calibrates the scores of any number of boxes: each becomes the probability that its box finds a true box.

    A predicted box finds a true one of its class as average precision counts it: by an IoU of at least 0.5, each true
    box once, boxes of higher scores first. There is no margin: none would contain the boxes that were not found.
    """

    statement = ''

    def observe(self, sample: TaskDataSample, task: Task) -> Observation:
        found, truth = (boxes.cpu().numpy() for boxes in (sample.pred_instances, sample.gt_instances))
        pairs = []
        for label in range(task.num_outputs):
            mine = found.labels == label
            true = truth.bboxes[truth.labels == label].astype(np.float64)
            pairs.append(match_boxes(true, found.bboxes[mine].astype(np.float64), found.scores[mine]))
        scores, hits = (np.concatenate(column) for column in zip(*pairs, strict=True))
        return dict(score=scores.astype(np.float64), correct=hits[:, 0])

    def scores(self, observation: Observation, task: Task, parameters: State) -> dict[str, float]:
        return {}

    def apply(self, sample: TaskDataSample, task: Task, state: State) -> dict[str, Any]:
        """Set the calibrated scores of all boxes; return nothing."""
        super().apply(sample, task, state)
        return {}
