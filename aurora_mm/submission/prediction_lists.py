"""The JSON lists of a submission: entries are created from samples, checked, and converted back.

Entries belong to the row of the data with the same text of ``task_id`` and ``image_path``. The official scorer only
reads coordinates in pixels, not the normalised ones.
"""

from __future__ import annotations

import math
import sys
from abc import abstractmethod
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.sample_fields import best_box, prediction
from aurora_mm.structures import TaskDataSample
from aurora_mm.submission.problems import Problem
from aurora_mm.submission.submission_format import SUBMISSION_FORMATS, Entry, SubmissionFormat
from aurora_mm.tasks import Task

_SLACK = 1.0  # tolerance in pixels for coordinates outside of the image, and between normalised and pixel values


class PredictionList(SubmissionFormat):
    """Base class of the JSON lists.

    Attributes:
        fields: Keys of an entry, in addition to ``image_path`` and ``task_id``.
        scored: Those of the keys that the official scorer reads.
    """

    fields: tuple[str, ...]
    scored: tuple[str, ...]

    def entry(self, sample: TaskDataSample) -> Entry:
        """Create an entry of Python numbers, see :meth:`SubmissionFormat.entry`."""
        entry = {'image_path': sample.image_path, 'task_id': sample.task, **self._values(sample)}
        if not all(math.isfinite(value) for key in self.fields for value in np.ravel(entry[key])):
            raise ConfigError(f'the prediction for {sample.get("img_path")} is not finite: {entry}')
        return entry

    def put(self, sample: TaskDataSample, task: Task, folder: Path, entry: Entry | None) -> list[Problem]:
        """See :meth:`SubmissionFormat.put`."""
        problem = partial(Problem, self.list_file, task.name, sample.image_path)
        if entry is None:
            return [problem('no entry for this image', scored=False)]
        missing = [f'{field} is missing' for field in self.scored if field not in entry]
        if fault := missing[0] if missing else self._fault(entry, task):
            return [problem(fault, scored=False)]
        self._put(sample, entry)
        problems = [problem(remark, scored=True) for remark in self._remarks(entry, task, sample.ori_shape)]
        return problems + [problem(note, scored=True, allowed=True) for note in self._notes(entry, task)]

    @abstractmethod
    def _values(self, sample: TaskDataSample) -> Entry:
        """Return the fields of a sample's entry."""

    @abstractmethod
    def _fault(self, entry: Entry, task: Task) -> str | None:
        """Return why an entry with all scored fields cannot be scored, or None."""

    @abstractmethod
    def _put(self, sample: TaskDataSample, entry: Entry) -> None:
        """Set the prediction of a sample from an entry that can be scored."""

    @abstractmethod
    def _remarks(self, entry: Entry, task: Task, shape: tuple[int, int]) -> list[str]:
        """Return remarks on an entry that can be scored, such as values out of range.

        Args:
            entry: An entry that can be scored.
            task: Task of the entry.
            shape: (height, width) of the image in pixels.
        """

    def _notes(self, entry: Entry, task: Task) -> list[str]:
        """Return what a user may want to know of an entry that the format allows, without values of the entry."""
        return []


class ClassificationList(PredictionList):
    """Predictions of classification tasks: ``predicted_class``, int, and ``predicted_probs``, a float per class."""

    list_file = 'classification_predictions.json'
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

    def _remarks(self, entry: Entry, task: Task, shape: tuple[int, int]) -> list[str]:
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

    def _notes(self, entry: Entry, task: Task) -> list[str]:
        label, probs = entry['predicted_class'], entry['predicted_probs']
        if 0 <= label < task.num_outputs and probs[label] < max(probs):
            return ['predicted_class is not that of the largest of predicted_probs']
        return []

    def _put(self, sample: TaskDataSample, entry: Entry) -> None:
        sample.pred_label = torch.tensor([entry['predicted_class']])
        sample.pred_scores = torch.tensor(entry['predicted_probs'], dtype=torch.float64)


class DetectionList(PredictionList):
    """Predictions of detection tasks: ``bbox_normalized`` and ``bbox_pixels``, xyxy as floats.

    An image without a predicted box has the empty box ``0, 0, 0, 0``, whose IoU is 0. Without an entry, the official
    scorer would ignore the image.
    """

    list_file = 'detection_predictions.json'
    fields = ('bbox_normalized', 'bbox_pixels')
    scored = ('bbox_pixels',)

    def _values(self, sample: TaskDataSample) -> Entry:
        best = best_box(sample.to_dict())
        box = np.zeros(4) if best is None else best
        return {'bbox_normalized': (box / _sizes(sample.ori_shape, 4)).tolist(), 'bbox_pixels': box.tolist()}

    def _fault(self, entry: Entry, task: Task) -> str | None:
        return _number_fault('bbox_pixels', entry['bbox_pixels'], 4)

    def _remarks(self, entry: Entry, task: Task, shape: tuple[int, int]) -> list[str]:
        x1, y1, x2, y2 = box = entry['bbox_pixels']
        remarks = _coordinate_remarks(entry, *self.fields, shape)
        if x2 < x1 or y2 < y1:
            remarks.append(f'bbox_pixels {box} has its corners swapped')
        return remarks

    def _put(self, sample: TaskDataSample, entry: Entry) -> None:
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor([entry['bbox_pixels']], dtype=torch.float64),
            scores=torch.ones(1),
            labels=torch.zeros(1, dtype=torch.int64),
        )


class LandmarkList(PredictionList):
    """Predictions of landmark tasks: ``predicted_points_normalized`` and ``predicted_points_pixels``.

    Both are lists of floats x1, y1, x2, y2, ...
    """

    list_file = 'regression_predictions.json'
    fields = ('predicted_points_normalized', 'predicted_points_pixels')
    scored = ('predicted_points_pixels',)

    def _values(self, sample: TaskDataSample) -> Entry:
        points = prediction(sample.to_dict(), 'pred_landmarks').double().flatten().cpu().numpy()
        normalized = points / _sizes(sample.ori_shape, len(points))
        return {'predicted_points_normalized': normalized.tolist(), 'predicted_points_pixels': points.tolist()}

    def _fault(self, entry: Entry, task: Task) -> str | None:
        return _number_fault('predicted_points_pixels', entry['predicted_points_pixels'], 2 * task.num_outputs)

    def _remarks(self, entry: Entry, task: Task, shape: tuple[int, int]) -> list[str]:
        return _coordinate_remarks(entry, *self.fields, shape)

    def _put(self, sample: TaskDataSample, entry: Entry) -> None:
        points = torch.tensor(entry['predicted_points_pixels'], dtype=torch.float64)
        sample.pred_landmarks = points.reshape(-1, 2)


SUBMISSION_FORMATS.update(classification=ClassificationList(), detection=DetectionList(), landmark=LandmarkList())


def _sizes(shape: tuple[int, int], length: int) -> np.ndarray:
    """Return (length,) width, height, width, ... of the image in pixels."""
    return np.tile(np.array(shape[::-1], float), length // 2)


def _number_fault(field: str, values: Any, length: int) -> str | None:
    """Return why ``values`` is not a list of ``length`` finite numbers, or None."""
    if not isinstance(values, list) or len(values) != length:
        return f'{field} {values!r} is not a list of {length} numbers'
    for value in values:
        # math.isfinite would raise for integers that are too large for a float.
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= sys.float_info.max:
            return f'{field} holds {value!r}, which is not a finite number'
    return None


def _coordinate_remarks(entry: Entry, normalized: str, pixels: str, shape: tuple[int, int]) -> list[str]:
    """Return remarks on coordinates outside of the image, or that differ between ``pixels`` and ``normalized``."""
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
