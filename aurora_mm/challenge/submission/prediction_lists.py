"""The JSON lists of a submission: how an entry is made from a sample, checked, and read back.

Entries are matched with rows of the data by ``task_id`` and ``image_path``, both the CSV's own text. The official
scorer reads pixels and leaves the normalised coordinates alone.
"""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.sample_fields import best_box, prediction
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

Entry = dict[str, Any]
_SLACK = 1.0  # pixels that rounding may put a coordinate outside of the image, or normalised and pixel values apart


class PredictionList(ABC):
    """One JSON list."""

    file: str
    """Its name."""
    fields: tuple[str, ...]
    """The keys of an entry beside ``image_path`` and ``task_id``."""
    scored: tuple[str, ...]
    """Those of them that the official scorer reads."""

    def entry(self, sample: TaskDataSample) -> Entry:
        """The entry for a sample's prediction, of plain Python numbers.

        Raises:
            ConfigError: If the prediction is missing or not finite.
        """
        entry = {'image_path': sample.image_path, 'task_id': sample.task, **self._values(sample)}
        if not all(math.isfinite(value) for key in self.fields for value in np.ravel(entry[key])):
            raise ConfigError(f'the prediction for {sample.get("img_path")} is not finite: {entry}')
        return entry

    def fault(self, entry: Entry, task: Task) -> str | None:
        """What makes an entry impossible to score, or None."""
        for field in self.scored:
            if field not in entry:
                return f'{field} is missing'
        return self._fault(entry, task)

    @abstractmethod
    def remarks(self, entry: Entry, task: Task, shape: tuple[int, int]) -> list[str]:
        """What is missing or out of range in an entry that can be scored.

        Args:
            entry: Without :meth:`fault`.
            task: Of the entry.
            shape: (height, width) of the image.
        """

    @abstractmethod
    def put(self, sample: TaskDataSample, entry: Entry) -> None:
        """Sets an entry without :meth:`fault` as a sample's prediction."""

    @abstractmethod
    def _values(self, sample: TaskDataSample) -> Entry:
        """The fields of a sample's entry."""

    @abstractmethod
    def _fault(self, entry: Entry, task: Task) -> str | None:
        """What makes an entry with all scored fields impossible to score, or None."""


class ClassificationList(PredictionList):
    """``predicted_class`` (int), ``predicted_probs`` (a float for each class)."""

    file = 'classification_predictions.json'
    fields = scored = ('predicted_class', 'predicted_probs')

    def _values(self, sample: TaskDataSample) -> Entry:
        fields = sample.to_dict()
        return {
            'predicted_class': int(prediction(fields, 'pred_label')),
            'predicted_probs': prediction(fields, 'pred_scores').double().tolist(),
        }

    def _fault(self, entry: Entry, task: Task) -> str | None:
        label = entry['predicted_class']
        if not isinstance(label, int) or isinstance(label, bool) or abs(label) >= 2**63:
            return f'predicted_class {label!r} is not a 64-bit integer'
        return _number_fault('predicted_probs', entry['predicted_probs'], task.num_outputs)

    def remarks(self, entry: Entry, task: Task, shape: tuple[int, int]) -> list[str]:
        label, probs = entry['predicted_class'], np.array(entry['predicted_probs'])
        remarks = []
        if not 0 <= label < task.num_outputs:
            remarks.append(f'predicted_class {label} is not in 0..{task.num_outputs - 1}')
        if (probs < 0).any() or (probs > 1).any():
            remarks.append(f'predicted_probs {probs.tolist()} are not all in 0..1')
        if not np.allclose(probs.sum(), 1):
            lost = ': the official scorer then has no AUC' if task.num_outputs > 2 else ''
            remarks.append(f'predicted_probs sum to {probs.sum():g}, not 1{lost}')
        return remarks

    def put(self, sample: TaskDataSample, entry: Entry) -> None:
        sample.pred_label = torch.tensor([entry['predicted_class']])
        sample.pred_scores = torch.tensor(entry['predicted_probs'], dtype=torch.float64)


class DetectionList(PredictionList):
    """``bbox_normalized`` and ``bbox_pixels``: x1, y1, x2, y2 as floats.

    An image in which nothing was found has the empty box ``0, 0, 0, 0``, which overlaps nothing: the official scorer
    would leave out an image without an entry.
    """

    file = 'detection_predictions.json'
    fields = ('bbox_normalized', 'bbox_pixels')
    scored = ('bbox_pixels',)

    def _values(self, sample: TaskDataSample) -> Entry:
        best = best_box(sample.to_dict())
        box = np.zeros(4) if best is None else best
        return {'bbox_normalized': (box / _sizes(sample.ori_shape, 4)).tolist(), 'bbox_pixels': box.tolist()}

    def _fault(self, entry: Entry, task: Task) -> str | None:
        return _number_fault('bbox_pixels', entry['bbox_pixels'], 4)

    def remarks(self, entry: Entry, task: Task, shape: tuple[int, int]) -> list[str]:
        x1, y1, x2, y2 = box = entry['bbox_pixels']
        remarks = _coordinate_remarks(entry, *self.fields, shape)
        if x2 < x1 or y2 < y1:
            remarks.append(f'bbox_pixels {box} has its corners swapped')
        return remarks

    def put(self, sample: TaskDataSample, entry: Entry) -> None:
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor([entry['bbox_pixels']], dtype=torch.float64),
            scores=torch.ones(1),
            labels=torch.zeros(1, dtype=torch.int64),
        )


class LandmarkList(PredictionList):
    """``predicted_points_normalized`` and ``predicted_points_pixels``: x1, y1, x2, y2, ... as floats."""

    file = 'regression_predictions.json'
    fields = ('predicted_points_normalized', 'predicted_points_pixels')
    scored = ('predicted_points_pixels',)

    def _values(self, sample: TaskDataSample) -> Entry:
        points = prediction(sample.to_dict(), 'pred_landmarks').double().flatten().cpu().numpy()
        normalized = points / _sizes(sample.ori_shape, len(points))
        return {'predicted_points_normalized': normalized.tolist(), 'predicted_points_pixels': points.tolist()}

    def _fault(self, entry: Entry, task: Task) -> str | None:
        return _number_fault('predicted_points_pixels', entry['predicted_points_pixels'], 2 * task.num_outputs)

    def remarks(self, entry: Entry, task: Task, shape: tuple[int, int]) -> list[str]:
        return _coordinate_remarks(entry, *self.fields, shape)

    def put(self, sample: TaskDataSample, entry: Entry) -> None:
        points = torch.tensor(entry['predicted_points_pixels'], dtype=torch.float64)
        sample.pred_landmarks = points.reshape(-1, 2)


LISTS: dict[str, PredictionList] = {
    'classification': ClassificationList(),
    'detection': DetectionList(),
    'landmark': LandmarkList(),
}
"""The list of each task type that has one."""


def _sizes(shape: tuple[int, int], length: int) -> np.ndarray:
    """(length,) width, height, width, ... of the image."""
    return np.tile(np.array(shape[::-1], float), length // 2)


def _number_fault(field: str, values: Any, length: int) -> str | None:
    """What keeps ``values`` from being a list of ``length`` finite numbers, or None."""
    if not isinstance(values, list) or len(values) != length:
        return f'{field} {values!r} is not a list of {length} numbers'
    for value in values:
        # Compared rather than asked: an integer too large for a float has no isfinite.
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= sys.float_info.max:
            return f'{field} holds {value!r}, which is not a finite number'
    return None


def _coordinate_remarks(entry: Entry, normalized: str, pixels: str, shape: tuple[int, int]) -> list[str]:
    """Coordinates outside of the image, or not the same in the fields ``pixels`` and ``normalized``."""
    values = np.array(entry[pixels], float)
    sizes = _sizes(shape, len(values))
    remarks = []
    if (values < -_SLACK).any() or (values > sizes + _SLACK).any():
        remarks.append(f'{pixels} {entry[pixels]} lies outside of the image, {shape[1]} x {shape[0]} pixels')
    if normalized not in entry:
        remarks.append(f'{normalized} is missing')
    elif fault := _number_fault(normalized, entry[normalized], len(values)):
        remarks.append(fault)
    elif (np.abs(np.array(entry[normalized], float) * sizes - values) > _SLACK).any():
        remarks.append(
            f'{normalized} {entry[normalized]} times the size of the image, {shape[1]} x {shape[0]}, is not {pixels}'
        )
    return remarks
