"""The constant answer of detection tasks with any number of boxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from numpy.typing import NDArray

from aurora_mm.baselines.constant_answers.constant_answer import CONSTANT_ANSWERS
from aurora_mm.baselines.constant_answers.constant_box import ConstantBox
from aurora_mm.evaluation.sample_fields import annotation_in_original_coordinates
from aurora_mm.structures import TaskDataSample


@CONSTANT_ANSWERS.register('multi_object_detection')
class ConstantBoxes(ConstantBox):
    """Predicts the box of :class:`ConstantBox` in every image, or none if no training image has a box."""

    def add(self, sample: Mapping[str, Any]) -> None:
        if len(annotation_in_original_coordinates(sample, 'gt_instances')['bboxes']):
            super().add(sample)

    def finish(self) -> None:
        self._box: NDArray[np.float64] | None = None
        if self._boxes:
            super().finish()

    def state(self) -> dict[str, Any]:
        return {} if self._box is None else super().state()

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._box = None
        if state:
            super().load_state(state)

    def put(self, sample: TaskDataSample) -> None:
        if self._box is None:
            self.put_fallback(sample)
        else:
            super().put(sample)

    def put_fallback(self, sample: TaskDataSample) -> None:
        """Set no box."""
        sample.pred_instances = InstanceData(
            bboxes=torch.zeros(0, 4), scores=torch.zeros(0), labels=torch.zeros(0, dtype=torch.int64)
        )
