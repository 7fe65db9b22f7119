"""The constant answer of detection tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from numpy.typing import NDArray

from aurora_mm.baselines.constant_answers.constant_answer import CONSTANT_ANSWERS, ConstantAnswer, width_height
from aurora_mm.errors import DataError
from aurora_mm.evaluation.functional import pairwise_iou
from aurora_mm.evaluation.sample_fields import annotation_in_original_coordinates
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


@CONSTANT_ANSWERS.register('detection')
class ConstantBox(ConstantAnswer):
    """Predicts the box of highest mean IoU among the training boxes and their median, relative to the image."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._boxes: list[NDArray[np.float64]] = []  # (4,) each, xyxy normalised by width and height
        self._label_counts = np.zeros(task.num_outputs, int)

    def add(self, sample: Mapping[str, Any]) -> None:
        truth = annotation_in_original_coordinates(sample, 'gt_instances')
        if len(truth['bboxes']) == 0:
            raise DataError(f'task {self.task.name!r}: the sample has no true box', file=sample.get('img_path'))
        self._boxes.extend(truth['bboxes'].double().cpu().numpy() / np.tile(width_height(sample), 2))
        for label in truth['labels'].tolist():
            self._label_counts[label] += 1

    def finish(self) -> None:
        boxes = np.array(self._boxes)
        candidates = np.vstack([np.median(boxes, axis=0), boxes])
        # One candidate at a time, because memory for all pairs would be quadratic.
        overlaps = [pairwise_iou(candidate[None], boxes).mean() for candidate in candidates]
        self._box = candidates[int(np.argmax(overlaps))]
        self._label = int(self._label_counts.argmax())

    def state(self) -> dict[str, Any]:
        return {'box': self._box.tolist(), 'label': self._label}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._box, self._label = np.array(state['box']), int(state['label'])

    def put(self, sample: TaskDataSample) -> None:
        box = self._box * np.tile(width_height(sample), 2)
        sample.pred_instances = InstanceData(
            bboxes=torch.from_numpy(box).float()[None],
            scores=torch.ones(1),
            labels=torch.tensor([self._label]),
        )
