"""The metric of detection tasks: overlap of boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData

from aurora_mm.errors import DataError
from aurora_mm.evaluation.functional import box_iou
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.evaluation.metrics.result_row import ResultRow, are_numbers
from aurora_mm.evaluation.metrics.task_metric import TaskMetric
from aurora_mm.evaluation.sample_fields import annotation_in_original_coordinates, best_box
from aurora_mm.registry import METRICS


@METRICS.register_module()
class BoxIoUMetric(TaskMetric):
    """IoU of the predicted box of the highest score with the one true box, by the official definition.

    Metrics: ``IoU`` in [0, 1], averaged over images; an image without a predicted box counts as 0.

    Raises:
        DataError: If a sample does not have exactly one true box.
        ConfigError: If the box is not in original coordinates or the prediction is missing.
    """

    task_type = 'detection'
    columns = row_columns = (Column('IoU', title='Overlap (IoU)'),)
    headline = 'IoU'
    row_data = ('size', 'truth', 'pred')
    rows_per_image = 'one'
    may_be_empty = ('pred',)  # no box was predicted

    def measure(self, sample: Mapping[str, Any]) -> list[ResultRow]:
        """Compute the intersection over union in original pixels; see :meth:`TaskMetric.measure`."""
        instances = annotation_in_original_coordinates(sample, 'gt_instances')
        boxes = instances['bboxes'].double().cpu().numpy()
        if len(boxes) != 1:
            raise DataError(
                f'task {sample.get("task")!r}: one true box an image is scored, not {len(boxes)}',
                file=sample.get('img_path'),
            )
        truth, pred = boxes[0], best_box(sample)
        return [
            self.row(
                sample,
                self.names[int(instances['labels'][0])],
                IoU=0.0 if pred is None else box_iou(pred, truth),
                size=float(np.prod(truth[2:] - truth[:2]) / np.prod(sample['ori_shape'])),
                truth=truth.tolist(),
                pred=None if pred is None else pred.tolist(),
            )
        ]

    @classmethod
    def check(cls, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Check that there is one row, with boxes; see :meth:`TaskMetric.check`."""
        super().check(rows, names)
        for name in ('truth', 'pred'):
            box = rows[0][name]
            if not are_numbers(box, 4) and not (box is None and name in cls.may_be_empty):
                raise ValueError(f'{name} is {box!r}, not a box [x1, y1, x2, y2]')

    @classmethod
    def restore(cls, sample: Any, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Set the true and the predicted box; see :meth:`TaskMetric.restore`."""
        (row,) = rows
        for field, box in (('gt_instances', row['truth']), ('pred_instances', row['pred'])):
            boxes = torch.tensor([] if box is None else [box], dtype=torch.float32).reshape(-1, 4)
            labels = torch.full((len(boxes),), list(names).index(row.target))
            setattr(sample, field, InstanceData(bboxes=boxes, labels=labels))
