from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.csv_cells import BadRow, Files, numbers
from aurora_mm.datasets.annotations.box_annotation import BoxAnnotation
from aurora_mm.tasks import Task


class MultiBoxAnnotation(BoxAnnotation):
    """Any number of boxes in an image, each with a class; xyxy in pixels.

    - CSV file: the column ``boxes``, JSON text such as ``[[12, 30, 80.5, 95], [100, 40, 150, 77]]``, or ``[]`` for an
      image without boxes. A task of several classes also needs the column ``box_labels``, the class index of each box,
      such as ``[0, 1]``.
    - Item of a data set: ``bboxes``, N boxes, and ``bboxes_labels``, N class indices.
    - Pipeline and data sample as in :class:`BoxAnnotation`.
    """

    keys = ('bboxes',)
    repeated_hint = 'all boxes of an image stand in one row'

    def columns(self, task: Task) -> tuple[str, ...]:
        return ('boxes',) if task.num_outputs == 1 else ('boxes', 'box_labels')

    def parse(self, cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
        boxes = numbers('boxes', cells['boxes'], length=4)
        for box in boxes:
            if box[2] <= box[0] or box[3] <= box[1]:
                raise BadRow(f'boxes holds {box}, which is empty: x_max <= x_min or y_max <= y_min')
            if min(box) < 0:
                raise BadRow(f'boxes holds {box}, which has a negative coordinate')
        labels = [0] * len(boxes) if task.num_outputs == 1 else numbers('box_labels', cells['box_labels'])
        if len(labels) != len(boxes):
            raise BadRow(f'box_labels has {len(labels)} classes, but boxes has {len(boxes)} boxes')
        for label in labels:
            if label not in range(task.num_outputs):
                raise BadRow(f'box_labels holds {label}; the classes of {task.name!r} are 0..{task.num_outputs - 1}')
        return {'bboxes': [[float(side) for side in box] for box in boxes], 'bboxes_labels': [int(x) for x in labels]}

    def format(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        return {
            'boxes': json.dumps([[float(f'{side:.10g}') for side in box] for box in annotation['bboxes']]),
            'box_labels': json.dumps([int(label) for label in annotation['bboxes_labels']]),
        }


ANNOTATIONS['multi_object_detection'] = MultiBoxAnnotation()
