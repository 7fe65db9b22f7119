"""The constant answer of segmentation tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from numpy.typing import NDArray

from aurora_mm.baselines.constant_answers.constant_answer import CONSTANT_ANSWERS, ConstantAnswer
from aurora_mm.evaluation.functional import resize_mask
from aurora_mm.evaluation.sample_fields import annotation_in_original_coordinates
from aurora_mm.structures import IGNORED, TaskDataSample
from aurora_mm.tasks import Task

GRID = (128, 128)  # size at which masks are learned
_THRESHOLDS = np.arange(1, 20) / 20  # 0.05 .. 0.95
_CHUNK = 256  # number of masks that are compared at once, to limit memory


@CONSTANT_ANSWERS.register('segmentation')
class ConstantMask(ConstantAnswer):
    """Predicts a mask from how often each pixel belongs to each foreground class.

    A pixel gets its most frequent foreground class if that frequency, divided by the largest frequency of the class,
    exceeds a threshold: the one with the highest mean Dice on the training masks. Pixels to ignore do not count.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._masks: list[NDArray[np.uint8]] = []  # GRID each

    def add(self, sample: Mapping[str, Any]) -> None:
        truth = annotation_in_original_coordinates(sample, 'gt_sem_seg')['data'].cpu().numpy()[0]
        self._masks.append(resize_mask(truth, GRID))

    def finish(self) -> None:
        self._mask = best_mask(np.array(self._masks), self.task.num_outputs)

    def state(self) -> dict[str, Any]:
        return {'mask': self._mask.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._mask = np.array(state['mask'], np.uint8)

    def put(self, sample: TaskDataSample) -> None:
        mask = resize_mask(self._mask, sample.ori_shape)
        sample.pred_sem_seg = PixelData(data=torch.from_numpy(mask)[None].long())

    def put_fallback(self, sample: TaskDataSample) -> None:
        """Set a mask that is all background."""
        sample.pred_sem_seg = PixelData(data=torch.zeros(1, *sample.ori_shape, dtype=torch.long))


def best_mask(masks: NDArray[np.uint8], num_classes: int) -> NDArray[np.uint8]:
    """Return the mask that :class:`ConstantMask` predicts.

    Args:
        masks: Training masks of class indices, (N, 128, 128); 255 marks pixels to ignore.
        num_classes: Number of classes, the background counted.

    Returns:
        (128, 128) class indices.
    """
    counted = np.maximum((masks != IGNORED).sum(axis=0), 1)  # a pixel that is always ignored has no class
    frequency = np.array([(masks == index).sum(axis=0) / counted for index in range(1, num_classes)])
    highest = frequency.max(axis=(1, 2), keepdims=True)
    relative = np.divide(frequency, highest, out=np.zeros_like(frequency), where=highest > 0)
    likeliest = frequency.argmax(axis=0)  # (128, 128), 0 is the first foreground class
    strength = np.take_along_axis(relative, likeliest[None], axis=0)[0]
    candidates = np.array([np.where(strength > t, likeliest + 1, 0) for t in _THRESHOLDS], np.uint8)
    best: NDArray[np.uint8] = candidates[int(np.argmax(_mean_dice(candidates, masks, num_classes)))]
    return best


def _mean_dice(candidates: NDArray[np.uint8], masks: NDArray[np.uint8], num_classes: int) -> NDArray[np.float64]:
    """Compute the mean Dice of each candidate (T, H, W) over masks (N, H, W) and foreground classes, (T,)."""
    total = np.zeros(len(candidates))
    for index in range(1, num_classes):
        pred = (candidates == index).reshape(len(candidates), -1).astype(np.float32)
        for start in range(0, len(masks), _CHUNK):
            some = masks[start : start + _CHUNK].reshape(-1, pred.shape[1])
            truth, counted = (some == index).astype(np.float32), (some != IGNORED).astype(np.float32)
            overlap = truth @ pred.T  # (chunk, T)
            area = truth.sum(axis=1)[:, None] + counted @ pred.T
            total += np.divide(2 * overlap, area, out=np.ones_like(area), where=area > 0).sum(axis=0)
    return total / (len(masks) * (num_classes - 1))
