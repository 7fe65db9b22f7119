from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData

from aurora_mm.annotations import ANNOTATIONS, Annotation
from aurora_mm.challenge.csv_cells import BadRow, Files, number
from aurora_mm.datasets.annotations.image_checks import check_inside
from aurora_mm.datasets.annotations.pipeline_checks import classes_fault, points_fault
from aurora_mm.datasets.geometry import map_boxes, warp_boxes
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

_LEAST_VISIBLE = 0.5  # fraction of a box's area


class BoxAnnotation(Annotation):
    """Boxes of a detection task, xyxy in pixels.

    A row of a CSV file has one box, in the columns ``x_min``, ``y_min``, ``x_max`` and ``y_max``, and no class. Other
    data sets may give any number of boxes with labels.

    - Item of a data set: ``bbox``, 4 numbers; or ``bboxes``, N boxes, and ``bboxes_labels``, N classes.
    - Pipeline: ``gt_bboxes``, (N, 4) float64, and ``gt_bboxes_labels``, (N,) int64. After warping boxes are float32.
    - Data sample: ``gt_instances`` with ``bboxes`` and ``labels``.
    """

    keys: tuple[str, ...] = ('bbox', 'bboxes')
    csv_columns = ('x_min', 'y_min', 'x_max', 'y_max')
    repeated_hint = 'the CSV files hold one box an image, aurora_mm.TaskDataset reads several from a COCO file'

    def parse(self, cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
        if task.num_outputs != 1:
            raise BadRow(
                f'detection task {task.name!r} has {task.num_outputs} classes, but a row has no column for one'
            )
        box = [number(column, cells[column]) for column in self.csv_columns]
        if box[2] <= box[0] or box[3] <= box[1]:
            raise BadRow(f'box {box} is empty: x_max <= x_min or y_max <= y_min')
        if min(box) < 0:
            raise BadRow(f'box {box} has a negative coordinate')
        return {'bbox': box}

    def format(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        return {column: f'{value:.10g}' for column, value in zip(self.csv_columns, annotation['bbox'], strict=True)}

    def load(self, row: dict[str, Any]) -> None:
        several = 'bboxes' in row
        boxes = np.array(row['bboxes' if several else 'bbox'], np.float64).reshape(-1, 4)
        check_inside('boxes' if several else 'box', boxes.reshape(-1, 2), row)
        row['gt_bboxes'] = boxes
        row['gt_bboxes_labels'] = np.array(row['bboxes_labels'] if several else [0], np.int64)

    def in_view(self, row: Mapping[str, Any], homography_matrix: np.ndarray) -> bool:
        """Return whether at least half of the area of each box stays inside the network input."""
        whole = map_boxes(row['gt_bboxes'], homography_matrix)
        visible = warp_boxes(row['gt_bboxes'], homography_matrix, row['img_shape'])
        return bool((_areas(visible) >= _LEAST_VISIBLE * _areas(whole)).all())

    def warp(self, row: dict[str, Any]) -> None:
        boxes = row['gt_bboxes'].astype(np.float32)
        row['gt_bboxes'] = warp_boxes(boxes, row['homography_matrix'], row['img_shape'])

    def fault(self, row: Mapping[str, Any]) -> str | None:
        boxes, labels = row['gt_bboxes'], row['gt_bboxes_labels']
        if not np.isfinite(boxes).all():
            return f'gt_bboxes holds {boxes.tolist()}'
        if len(boxes) != len(labels):
            return f'gt_bboxes holds {len(boxes)} boxes, and gt_bboxes_labels {len(labels)} classes'
        return points_fault('gt_bboxes', boxes, (-1, 4), row) or classes_fault('gt_bboxes_labels', labels, row)

    def pack(self, row: Mapping[str, Any], sample: TaskDataSample) -> None:
        sample.gt_instances = InstanceData(
            bboxes=torch.from_numpy(row['gt_bboxes']), labels=torch.from_numpy(row['gt_bboxes_labels'])
        )

    def metainfo(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``instances``, the annotations in the form that ``mmdet.CocoMetric`` reads."""
        pairs = zip(row['gt_bboxes'].tolist(), row['gt_bboxes_labels'].tolist(), strict=True)
        return dict(instances=[dict(bbox=box, bbox_label=label, ignore_flag=0) for box, label in pairs])


ANNOTATIONS['detection'] = BoxAnnotation()


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
