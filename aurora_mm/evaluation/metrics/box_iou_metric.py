"""Box overlap of detection tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aurora_mm.errors import DataError
from aurora_mm.evaluation.functional import box_iou
from aurora_mm.evaluation.metrics.task_metric import TaskMetric
from aurora_mm.evaluation.per_image import TargetResult
from aurora_mm.evaluation.sample_fields import best_box, original_frame_annotation
from aurora_mm.registry import METRICS


@METRICS.register_module()
class BoxIoUMetric(TaskMetric):
    """Overlap of the highest-scoring predicted box with the one true box, by the official definition.

    Metrics: ``IoU`` (fraction), the mean over images; an image without a predicted box counts 0.

    Raises:
        DataError: If a sample does not have exactly one true box.
        ConfigError: If the box is not in original coordinates or the prediction is missing.
    """

    def measure(self, sample: Mapping[str, Any]) -> list[TargetResult]:
        """One row, with intersection over union in pixels of the original image."""
        instances = original_frame_annotation(sample, 'gt_instances')
        boxes = instances['bboxes'].double().cpu().numpy()
        if len(boxes) != 1:
            raise DataError(
                f'task {sample.get("task")!r}: one true box an image is scored, not {len(boxes)}',
                file=sample.get('img_path'),
            )
        truth, pred = boxes[0], best_box(sample)
        return [
            self.target(
                sample,
                self.names[int(instances['labels'][0])],
                size=float(np.prod(truth[2:] - truth[:2]) / np.prod(sample['ori_shape'])),
                IoU=0.0 if pred is None else box_iou(pred, truth),
                truth=truth.tolist(),
                pred=None if pred is None else pred.tolist(),
            )
        ]

    def compute_metrics(self, results: list[list[TargetResult]]) -> dict[str, float]:
        """Mean over images."""
        return {'IoU': float(np.mean([row.IoU for (row,) in results]))}

    @staticmethod
    def primary(metrics: Mapping[str, float]) -> float:
        """The intersection over union."""
        return metrics['IoU']
