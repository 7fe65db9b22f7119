"""The constant answer of segmentation tasks whose classes may overlap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from numpy.typing import NDArray

from aurora_mm.baselines.constant_answers.constant_answer import CONSTANT_ANSWERS, ConstantAnswer
from aurora_mm.baselines.constant_answers.constant_mask import GRID, best_mask
from aurora_mm.evaluation.functional import resize_mask
from aurora_mm.evaluation.sample_fields import annotation_in_original_coordinates
from aurora_mm.structures import IGNORED, TaskDataSample
from aurora_mm.tasks import Task


@CONSTANT_ANSWERS.register('multi_label_segmentation')
class ConstantClassMasks(ConstantAnswer):
    """Predicts for each class the mask that :class:`ConstantMask` would predict if it were the only one."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._masks: list[list[NDArray[np.uint8]]] = [[] for _ in range(task.num_outputs)]  # of each class, GRID each

    def add(self, sample: Mapping[str, Any]) -> None:
        truths = annotation_in_original_coordinates(sample, 'gt_class_masks')['data'].cpu().numpy()
        for masks, truth in zip(self._masks, truths, strict=True):
            if truth[0, 0] != IGNORED:
                masks.append(resize_mask(truth, GRID))

    def finish(self) -> None:
        empty = np.zeros(GRID, np.uint8)
        self._found = np.array([best_mask(np.array(masks), 2) if masks else empty for masks in self._masks])

    def state(self) -> dict[str, Any]:
        return {'masks': self._found.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._found = np.array(state['masks'], np.uint8)

    def put(self, sample: TaskDataSample) -> None:
        masks = np.stack([resize_mask(mask, sample.ori_shape) for mask in self._found])
        sample.pred_class_masks = PixelData(data=torch.from_numpy(masks))

    def put_fallback(self, sample: TaskDataSample) -> None:
        """Set masks without a pixel."""
        shape = (self.task.num_outputs, *sample.ori_shape)
        sample.pred_class_masks = PixelData(data=torch.zeros(shape, dtype=torch.uint8))
