"""The metric of tasks with several boxes an image: average precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData

from aurora_mm.errors import DataError
from aurora_mm.evaluation.functional import average_precision, match_boxes, mean_of_defined
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.evaluation.metrics.result_row import ResultRow, are_numbers
from aurora_mm.evaluation.metrics.task_metric import Floats, TaskMetric
from aurora_mm.evaluation.sample_fields import annotation_in_original_coordinates, prediction
from aurora_mm.registry import METRICS

_AT_50, _AT_75 = 0, 5  # indices of the thresholds


@METRICS.register_module()
class BoxAPMetric(TaskMetric):
    """Average precision of boxes over all images of a task, by the definitions of COCO.

    Metrics, all in [0, 1] and averaged over the classes that have a true box: ``AP``, averaged over overlaps from 0.5
    to 0.95; ``AP50`` and ``AP75``, from one overlap on; and ``AR``, the recall of all predicted boxes, averaged over
    the same overlaps. They equal ``bbox_mAP``, ``bbox_mAP_50``, ``bbox_mAP_75`` and ``AR@100`` of ``mmdet.CocoMetric``.

    An image has a row for each class. The number of a row is ``AP50_image``: the AP50 of this image alone or, where it
    has no true box of the class, 1 minus the highest score of a predicted box.

    Raises:
        DataError: If a sample has no annotation, or a label that is no class of the task.
        ConfigError: If the boxes are not in original coordinates or the prediction is missing.
    """

    task_type = 'multi_object_detection'
    columns = (Column('AP'), Column('AP50'), Column('AP75', brief=False), Column('AR', title='Average recall'))
    headline = 'AP'
    row_columns = (Column('AP50_image', title='AP50 of each image'),)
    row_data = ('truth', 'pred', 'scores')
    rows_per_image = 'each'

    def measure(self, sample: Mapping[str, Any]) -> list[ResultRow]:
        """Keep the boxes of each class; see :meth:`TaskMetric.measure`."""
        truth = annotation_in_original_coordinates(sample, 'gt_instances')
        pred = prediction(sample, 'pred_instances')
        labels = truth['labels'].cpu().numpy()
        if wrong := [int(label) for label in labels if not 0 <= label < len(self.names)]:
            raise DataError(
                f'task {sample.get("task")!r}: label {wrong[0]} of a box is none of its {len(self.names)} classes',
                file=sample.get('img_path'),
            )
        rows = []
        for label, name in enumerate(self.names):
            mine = pred['labels'].cpu().numpy() == label
            boxes = truth['bboxes'].double().cpu().numpy()[labels == label]
            found = pred['bboxes'].double().cpu().numpy()[mine]
            scores = pred['scores'].double().cpu().numpy()[mine]
            rows.append(
                self.row(
                    sample,
                    name,
                    AP50_image=_of_image(boxes, found, scores),
                    truth=boxes.tolist(),
                    pred=found.tolist(),
                    scores=scores.tolist(),
                )
            )
        return rows

    @classmethod
    def aggregate(cls, images: Sequence[Sequence[ResultRow]], weights: Floats) -> dict[str, Floats]:
        """Compute the scores of all images together; see :meth:`TaskMetric.aggregate`."""
        precisions, recalls = [], []
        for of_class in zip(*images, strict=True):
            counts = np.array([len(row['truth']) for row in of_class])
            matches = [
                match_boxes(_boxes(row['truth']), _boxes(row['pred']), np.array(row['scores'], float))
                for row in of_class
            ]
            scores, found = zip(*matches, strict=True)
            precision, recall = average_precision(scores, found, counts, weights)
            precisions.append(precision)
            recalls.append(recall)
        precision, recall = mean_of_defined(np.array(precisions)), mean_of_defined(np.array(recalls))  # (R, T)
        return {
            'AP': precision.mean(axis=1),
            'AP50': precision[:, _AT_50],
            'AP75': precision[:, _AT_75],
            'AR': recall.mean(axis=1),
        }

    @classmethod
    def describe(cls, rows: Sequence[ResultRow]) -> str:
        """Describe the number of true and predicted boxes of each class; see :meth:`TaskMetric.describe`."""
        parts = (f'{row.target}: {len(row["truth"])} true, {len(row["pred"])} predicted' for row in rows)
        return f'{"; ".join(parts)}, {cls.caption(rows)}'

    @classmethod
    def check(cls, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Check that there is a row for each class, with boxes; see :meth:`TaskMetric.check`."""
        super().check(rows, names)
        for row in rows:
            for field in ('truth', 'pred'):
                if not isinstance(row[field], list) or not all(are_numbers(box, 4) for box in row[field]):
                    raise ValueError(f'{field} is {row[field]!r}, not a list of boxes [x1, y1, x2, y2]')
            if not are_numbers(row['scores'], len(row['pred'])):
                raise ValueError(f'scores is {row["scores"]!r}, not a score for each of {len(row["pred"])} boxes')

    @classmethod
    def restore(cls, sample: Any, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Set the true and the predicted boxes; see :meth:`TaskMetric.restore`."""
        for field, side in (('gt_instances', 'truth'), ('pred_instances', 'pred')):
            boxes = torch.tensor([box for row in rows for box in row[side]], dtype=torch.float32).reshape(-1, 4)
            labels = torch.tensor([list(names).index(row.target) for row in rows for _ in row[side]], dtype=torch.int64)
            setattr(sample, field, InstanceData(bboxes=boxes, labels=labels))
        sample.pred_instances.scores = torch.tensor([score for row in rows for score in row['scores']])


def _boxes(values: Any) -> Floats:
    return np.array(values, float).reshape(-1, 4)


def _of_image(truth: Floats, pred: Floats, scores: Floats) -> float:
    if not len(truth):
        return float(1 - scores.max(initial=0.0))
    falling, found = match_boxes(truth, pred, scores)
    precision, _ = average_precision([falling], [found], np.array([len(truth)]), np.ones((1, 1)))
    return float(precision[0, _AT_50])
