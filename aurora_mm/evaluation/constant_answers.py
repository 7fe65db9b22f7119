"""The best answer of each task type that does not look at the image.

An answer learns from samples as nested dicts (``add``), then is fixed (``finish``) and put on samples (``put``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from numpy.typing import NDArray

from aurora_mm.errors import DataError
from aurora_mm.evaluation.functional import pairwise_iou, resize_mask
from aurora_mm.evaluation.sample_fields import annotation, original_frame_annotation
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

_GRID = (128, 128)  # masks are learned at this size
_THRESHOLDS = np.arange(1, 20) / 20  # 0.05 .. 0.95
_CHUNK = 256  # masks compared at once, to bound the memory


class ConstantAnswer(ABC):
    """The same answer to every image of a task."""

    def __init__(self, task: Task) -> None:
        self.task = task

    @abstractmethod
    def add(self, sample: Mapping[str, Any]) -> None:
        """Takes in the annotation of one training sample, in pixels of the original image."""

    @abstractmethod
    def finish(self) -> None:
        """Settles the answer from all samples added so far, at least one."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """The settled answer as plain values, ready for JSON or a checkpoint."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes the answer that :meth:`state` gave, in place of learning one."""

    @abstractmethod
    def put(self, sample: TaskDataSample) -> None:
        """Sets the answer as the sample's prediction, in pixels of its original image."""


class ConstantLabel(ConstantAnswer):
    """The frequencies of the classes, and the most frequent class."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._counts = torch.zeros(task.num_outputs)

    def add(self, sample: Mapping[str, Any]) -> None:
        self._counts[int(annotation(sample, 'gt_label'))] += 1

    def finish(self) -> None:
        self._scores = self._counts / self._counts.sum()

    def state(self) -> dict[str, Any]:
        return {'scores': self._scores.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._scores = torch.tensor(state['scores'])

    def put(self, sample: TaskDataSample) -> None:
        sample.pred_scores = self._scores.clone()
        sample.pred_label = self._scores.argmax().reshape(1)


class ConstantBox(ConstantAnswer):
    """Of the training boxes and their median, relative to the image's size, the one of highest mean overlap."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._boxes: list[NDArray[np.float64]] = []  # (4,) xyxy each, in image widths and heights
        self._label_counts = np.zeros(task.num_outputs, int)

    def add(self, sample: Mapping[str, Any]) -> None:
        truth = original_frame_annotation(sample, 'gt_instances')
        if len(truth['bboxes']) == 0:
            raise DataError(f'task {self.task.name!r}: the sample has no true box', file=sample.get('img_path'))
        self._boxes.extend(truth['bboxes'].double().cpu().numpy() / np.tile(_width_height(sample), 2))
        for label in truth['labels'].tolist():
            self._label_counts[label] += 1

    def finish(self) -> None:
        boxes = np.array(self._boxes)
        candidates = np.vstack([np.median(boxes, axis=0), boxes])
        # One row at a time: the whole table of overlaps would be quadratic in memory.
        overlaps = [pairwise_iou(candidate[None], boxes).mean() for candidate in candidates]
        self._box = candidates[int(np.argmax(overlaps))]
        self._label = int(self._label_counts.argmax())

    def state(self) -> dict[str, Any]:
        return {'box': self._box.tolist(), 'label': self._label}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._box, self._label = np.array(state['box']), int(state['label'])

    def put(self, sample: TaskDataSample) -> None:
        box = self._box * np.tile(_width_height(sample), 2)
        sample.pred_instances = InstanceData(
            bboxes=torch.from_numpy(box).float()[None],
            scores=torch.ones(1),
            labels=torch.tensor([self._label]),
        )


class ConstantPoints(ConstantAnswer):
    """The median of each coordinate, relative to the image's size."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._points: list[NDArray[np.float64]] = []  # (K, 2) each, in image widths and heights

    def add(self, sample: Mapping[str, Any]) -> None:
        truth = original_frame_annotation(sample, 'gt_landmarks').double().cpu().numpy()
        self._points.append(truth / _width_height(sample))

    def finish(self) -> None:
        self._median = np.median(self._points, axis=0)

    def state(self) -> dict[str, Any]:
        return {'points': self._median.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._median = np.array(state['points'])

    def put(self, sample: TaskDataSample) -> None:
        sample.pred_landmarks = torch.from_numpy(self._median * _width_height(sample)).float()


class ConstantMask(ConstantAnswer):
    """A mask cut from the maps of how often each pixel is of each foreground class.

    A pixel takes its most frequent foreground class if that frequency, divided by the class's highest anywhere,
    exceeds a threshold; the threshold is the one with the highest mean Dice on the training masks.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._masks: list[NDArray[np.uint8]] = []  # _GRID each

    def add(self, sample: Mapping[str, Any]) -> None:
        truth = original_frame_annotation(sample, 'gt_sem_seg')['data'].cpu().numpy()[0]
        self._masks.append(resize_mask(truth, _GRID))

    def finish(self) -> None:
        masks = np.array(self._masks)  # (N, 128, 128)
        frequency = np.array([(masks == index).mean(axis=0) for index in range(1, self.task.num_outputs)])
        highest = frequency.max(axis=(1, 2), keepdims=True)
        relative = np.divide(frequency, highest, out=np.zeros_like(frequency), where=highest > 0)
        likeliest = frequency.argmax(axis=0)  # (128, 128), counted without the background
        strength = np.take_along_axis(relative, likeliest[None], axis=0)[0]
        candidates = np.array([np.where(strength > t, likeliest + 1, 0) for t in _THRESHOLDS], np.uint8)
        scores = _mean_dice(candidates, masks, self.task.num_outputs)
        self._mask = candidates[int(np.argmax(scores))]

    def state(self) -> dict[str, Any]:
        return {'mask': self._mask.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._mask = np.array(state['mask'], np.uint8)

    def put(self, sample: TaskDataSample) -> None:
        mask = resize_mask(self._mask, sample.ori_shape)
        sample.pred_sem_seg = PixelData(data=torch.from_numpy(mask)[None].long())


CONSTANT_ANSWERS: dict[str, type[ConstantAnswer]] = {
    'segmentation': ConstantMask,
    'classification': ConstantLabel,
    'detection': ConstantBox,
    'landmark': ConstantPoints,
}


def _width_height(sample: Mapping[str, Any] | TaskDataSample) -> NDArray[np.float64]:
    """(2,) width and height of the original image in pixels."""
    return np.array(sample.get('ori_shape')[::-1], float)


def _mean_dice(candidates: NDArray[np.uint8], masks: NDArray[np.uint8], num_classes: int) -> NDArray[np.float64]:
    """(T,) mean Dice over masks and foreground classes of each candidate (T, H, W) with the masks (N, H, W)."""
    total = np.zeros(len(candidates))
    for index in range(1, num_classes):
        pred = (candidates == index).reshape(len(candidates), -1).astype(np.float32)
        for start in range(0, len(masks), _CHUNK):
            truth = (masks[start : start + _CHUNK] == index).reshape(-1, pred.shape[1]).astype(np.float32)
            overlap = truth @ pred.T  # (chunk, T)
            area = truth.sum(axis=1)[:, None] + pred.sum(axis=1)
            total += np.divide(2 * overlap, area, out=np.ones_like(area), where=area > 0).sum(axis=0)
    return total / (len(masks) * (num_classes - 1))
