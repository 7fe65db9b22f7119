"""The best prediction for each task type that does not depend on the image."""

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
from aurora_mm.evaluation.sample_fields import annotation, annotation_in_original_coordinates
from aurora_mm.structures import TaskDataSample
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

_GRID = (128, 128)  # size at which masks are learned
_THRESHOLDS = np.arange(1, 20) / 20  # 0.05 .. 0.95
_CHUNK = 256  # number of masks that are compared at once, to limit memory


CONSTANT_ANSWERS: ByTaskType[type[ConstantAnswer]] = ByTaskType('constant answer')


class ConstantAnswer(ABC):
    """Predicts the same for every image of a task.

    It reads training samples (:meth:`add`), computes its prediction (:meth:`finish`) and sets it on samples
    (:meth:`put`).

    Args:
        task: The task to predict.
    """

    def __init__(self, task: Task) -> None:
        self.task = task

    @abstractmethod
    def add(self, sample: Mapping[str, Any]) -> None:
        """Add the annotation of one training sample, in original coordinates.

        Args:
            sample: The sample as nested dicts.

        Raises:
            DataError: If the sample has no annotation.
            ConfigError: If it is not in original coordinates.
        """

    @abstractmethod
    def finish(self) -> None:
        """Compute the prediction from all samples added so far, at least one."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return the prediction as plain values, for JSON or a checkpoint."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore the prediction that :meth:`state` returned, instead of learning it."""

    @abstractmethod
    def put(self, sample: TaskDataSample) -> None:
        """Set the prediction of a sample, in original coordinates."""

    def put_fallback(self, sample: TaskDataSample) -> None:
        """Set the prediction of a sample whose image cannot be read; by default the same prediction."""
        self.put(sample)


class _ConstantScores(ConstantAnswer):
    """Predicts a score for each class, ``_scores`` (C,), which :meth:`finish` computes."""

    _scores: torch.Tensor

    def state(self) -> dict[str, Any]:
        return {'scores': self._scores.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._scores = torch.tensor(state['scores'])

    def put(self, sample: TaskDataSample) -> None:
        sample.pred_scores = self._scores.clone()


@CONSTANT_ANSWERS.register('classification')
class ConstantLabel(_ConstantScores):
    """Predicts the frequencies of the classes, and the most frequent class."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._counts = torch.zeros(task.num_outputs)

    def add(self, sample: Mapping[str, Any]) -> None:
        self._counts[int(annotation(sample, 'gt_label'))] += 1

    def finish(self) -> None:
        self._scores = self._counts / self._counts.sum()

    def put(self, sample: TaskDataSample) -> None:
        super().put(sample)
        sample.pred_label = self._scores.argmax().reshape(1)


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
        self._boxes.extend(truth['bboxes'].double().cpu().numpy() / np.tile(_width_height(sample), 2))
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
        box = self._box * np.tile(_width_height(sample), 2)
        sample.pred_instances = InstanceData(
            bboxes=torch.from_numpy(box).float()[None],
            scores=torch.ones(1),
            labels=torch.tensor([self._label]),
        )


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


@CONSTANT_ANSWERS.register('multi_label_classification')
class ConstantLabels(_ConstantScores):
    """Predicts the fraction of training images that have each class."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._truths: list[torch.Tensor] = []

    def add(self, sample: Mapping[str, Any]) -> None:
        self._truths.append(annotation(sample, 'gt_scores').double().cpu())

    def finish(self) -> None:
        self._scores = torch.stack(self._truths).mean(0)


@CONSTANT_ANSWERS.register('scalar_regression')
class ConstantValue(ConstantAnswer):
    """Predicts the median of the training values, which has the smallest mean absolute error."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._values: list[float] = []

    def add(self, sample: Mapping[str, Any]) -> None:
        self._values.append(float(annotation(sample, 'gt_value')))

    def finish(self) -> None:
        self._median = float(np.median(self._values))

    def state(self) -> dict[str, Any]:
        return {'value': self._median}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._median = float(state['value'])

    def put(self, sample: TaskDataSample) -> None:
        sample.pred_value = torch.tensor([self._median])


@CONSTANT_ANSWERS.register('landmark')
class ConstantPoints(ConstantAnswer):
    """Predicts the median of each coordinate, relative to the image size."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._points: list[NDArray[np.float64]] = []  # (K, 2) each, normalised by width and height

    def add(self, sample: Mapping[str, Any]) -> None:
        truth = annotation_in_original_coordinates(sample, 'gt_landmarks').double().cpu().numpy()
        self._points.append(truth / _width_height(sample))

    def finish(self) -> None:
        self._median = np.median(self._points, axis=0)

    def state(self) -> dict[str, Any]:
        return {'points': self._median.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._median = np.array(state['points'])

    def put(self, sample: TaskDataSample) -> None:
        sample.pred_landmarks = torch.from_numpy(self._median * _width_height(sample)).float()


@CONSTANT_ANSWERS.register('segmentation')
class ConstantMask(ConstantAnswer):
    """Predicts a mask from how often each pixel belongs to each foreground class.

    A pixel gets its most frequent foreground class if that frequency, divided by the largest frequency of the class,
    exceeds a
    threshold: the one with the highest mean Dice on the training masks.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._masks: list[NDArray[np.uint8]] = []  # _GRID each

    def add(self, sample: Mapping[str, Any]) -> None:
        truth = annotation_in_original_coordinates(sample, 'gt_sem_seg')['data'].cpu().numpy()[0]
        self._masks.append(resize_mask(truth, _GRID))

    def finish(self) -> None:
        masks = np.array(self._masks)  # (N, 128, 128)
        frequency = np.array([(masks == index).mean(axis=0) for index in range(1, self.task.num_outputs)])
        highest = frequency.max(axis=(1, 2), keepdims=True)
        relative = np.divide(frequency, highest, out=np.zeros_like(frequency), where=highest > 0)
        likeliest = frequency.argmax(axis=0)  # (128, 128), 0 is the first foreground class
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

    def put_fallback(self, sample: TaskDataSample) -> None:
        """Set a mask that is all background."""
        sample.pred_sem_seg = PixelData(data=torch.zeros(1, *sample.ori_shape, dtype=torch.long))


def _width_height(sample: Mapping[str, Any] | TaskDataSample) -> NDArray[np.float64]:
    """Return width and height of the original image in pixels, (2,)."""
    shape: Any = sample.get('ori_shape')
    return np.array(shape[::-1], np.float64)


def _mean_dice(candidates: NDArray[np.uint8], masks: NDArray[np.uint8], num_classes: int) -> NDArray[np.float64]:
    """Compute the mean Dice of each candidate (T, H, W) over masks (N, H, W) and foreground classes, (T,)."""
    total = np.zeros(len(candidates))
    for index in range(1, num_classes):
        pred = (candidates == index).reshape(len(candidates), -1).astype(np.float32)
        for start in range(0, len(masks), _CHUNK):
            truth = (masks[start : start + _CHUNK] == index).reshape(-1, pred.shape[1]).astype(np.float32)
            overlap = truth @ pred.T  # (chunk, T)
            area = truth.sum(axis=1)[:, None] + pred.sum(axis=1)
            total += np.divide(2 * overlap, area, out=np.ones_like(area), where=area > 0).sum(axis=0)
    return total / (len(masks) * (num_classes - 1))
