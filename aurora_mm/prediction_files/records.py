"""How the predictions of each task type stand in ``predictions.json``, in COCO files and among the masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from contourpy import contour_generator

from aurora_mm.converters.coco_kinds import COCO_KINDS
from aurora_mm.datasets.class_masks import bit_coded
from aurora_mm.errors import ConfigError
from aurora_mm.models.predictions import prediction_of
from aurora_mm.prediction_files.json_values import json_value
from aurora_mm.structures import TaskDataSample
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

_DIGITS = 4  # of scores, and of coordinates in pixels


class PredictionRecord:
    """What is written of a prediction of one task type. The base writes its plain values and no COCO annotation."""

    def content(self, sample: TaskDataSample, task: Task) -> dict[str, Any]:
        """Give what ``predictions.json`` holds of a prediction, as JSON has it."""
        return json_value(prediction_of(task.type).plain(sample, task), _DIGITS)

    def mask(self, sample: TaskDataSample) -> np.ndarray | None:
        """Give the ``(H, W)`` picture that is written, uint8 class indices for masks; None for none."""
        return None

    def coco_annotations(self, sample: TaskDataSample, task: Task) -> list[dict[str, Any]]:
        """Give the annotations of a COCO file, but for their ids."""
        return []


class MaskRecord(PredictionRecord):
    """Masks: for each class that was found, run lengths, outlines, a box and the number of pixels."""

    def content(self, sample: TaskDataSample, task: Task) -> dict[str, Any]:
        masks = prediction_of(task.type).class_masks(sample, task)
        if masks is None:
            raise ConfigError(f'predictions of type {task.type!r} have no masks of classes to write')
        segments = []
        for annotation in self.coco_annotations(sample, task):
            x, y, width, height = annotation['bbox']
            index = annotation['category_id'] - 1
            segments.append(
                dict(
                    label=task.target_names[index],
                    area=annotation['area'],
                    box=[x, y, x + width, y + height],
                    rle=annotation['segmentation'],
                    polygons=json_value(outlines(masks[index]), 1),
                )
            )
        return dict(segments=segments)

    def mask(self, sample: TaskDataSample) -> np.ndarray:
        return sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)

    def coco_annotations(self, sample: TaskDataSample, task: Task) -> list[dict[str, Any]]:
        return COCO_KINDS[task.type].annotations(dict(gt_seg_map=self.mask(sample)))


class ClassMaskRecord(MaskRecord):
    """Masks of classes that may overlap, as :class:`MaskRecord` writes them; each class is a bit of the picture."""

    def mask(self, sample: TaskDataSample) -> np.ndarray:
        """Give the ``(H, W)`` picture, uint8 or uint16, to which class i adds ``2 ** i``."""
        return bit_coded(sample.pred_class_masks.data.cpu().numpy())

    def coco_annotations(self, sample: TaskDataSample, task: Task) -> list[dict[str, Any]]:
        return COCO_KINDS[task.type].annotations(dict(gt_class_masks=sample.pred_class_masks.data.cpu().numpy()))


class BoxRecord(PredictionRecord):
    """Boxes, the surest first."""

    def coco_annotations(self, sample: TaskDataSample, task: Task) -> list[dict[str, Any]]:
        annotations = []
        for found in self.content(sample, task)['boxes']:
            if None not in found['box']:
                x1, y1, x2, y2 = found['box']
                annotations.append(
                    dict(
                        category_id=task.classes.index(found['label']) + 1,
                        bbox=[x1, y1, x2 - x1, y2 - y1],
                        area=(x2 - x1) * (y2 - y1),
                        score=found['score'],
                    )
                )
        return annotations


class PointRecord(PredictionRecord):
    """Points by their names."""

    def coco_annotations(self, sample: TaskDataSample, task: Task) -> list[dict[str, Any]]:
        points = list(self.content(sample, task)['points'].values())
        if any(value is None for point in points for value in point):
            return []
        return COCO_KINDS[task.type].annotations(dict(points=points))


RECORDS: ByTaskType[PredictionRecord] = ByTaskType('record')
RECORDS.update(
    segmentation=MaskRecord(),
    detection=BoxRecord(),
    landmark=PointRecord(),
    multi_object_detection=BoxRecord(),
    multi_label_segmentation=ClassMaskRecord(),
)


def record_of(task_type: str) -> PredictionRecord:
    """Return what is registered for a type of task, or the base."""
    return RECORDS.get(task_type) or PredictionRecord()


def outlines(region: np.ndarray) -> list[np.ndarray]:
    """Give the outlines of a region, halfway between the centres of its pixels and of those around it.

    Args:
        region: ``(H, W)`` bool.

    Returns:
        (N, 2) x, y of each closed outline, of holes too; x = 0 is the left edge of the picture. A point lies in the
        region if it lies in an odd number of them.
    """
    # Pixel centres lie at half coordinates; the padding of one pixel closes outlines at the picture's border.
    padded = np.pad(region.astype(np.float64), 1)
    return [_without_straight_points(np.asarray(line)) - 0.5 for line in contour_generator(z=padded).lines(0.5)]


def _without_straight_points(line: np.ndarray) -> np.ndarray:
    """The closed line (N, 2) without its last point, which is its first, and without points on straight stretches."""
    corners = line[:-1]
    before, after = corners - np.roll(corners, 1, 0), np.roll(corners, -1, 0) - corners
    return corners[before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]]
