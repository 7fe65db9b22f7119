"""Box overlap of detection tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aurora_mm.errors import DataError
from aurora_mm.evaluation.functional import box_iou
from aurora_mm.evaluation.metrics.task_metric import TaskMetric
from aurora_mm.evaluation.sample_fields import original_frame_annotation, prediction
from aurora_mm.registry import METRICS


@METRICS.register_module()
class BoxIoUMetric(TaskMetric):
    """Overlap of the highest-scoring predicted box with the one true box, by the official definition.

    Metrics: ``IoU`` (fraction), the mean over images; an image without a predicted box counts 0.

    Raises:
        DataError: If a sample does not have exactly one true box.
        ConfigError: If the box is not in the original image's frame or the prediction is missing.
    """

    def measure(self, sample: Mapping[str, Any]) -> float:
        """Intersection over union in pixels of the original image."""
        truth = original_frame_annotation(sample, 'gt_instances')['bboxes'].double().cpu().numpy()
        if len(truth) != 1:
            raise DataError(
                f'task {sample.get("task")!r}: one true box an image is scored, not {len(truth)}',
                file=sample.get('img_path'),
            )
        pred = prediction(sample, 'pred_instances')
        if len(pred['bboxes']) == 0:
            return 0.0
        best = int(pred['scores'].argmax())
        return box_iou(pred['bboxes'][best].double().cpu().numpy(), truth[0])

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        """Mean over images."""
        return {'IoU': float(np.mean(results))}

    @staticmethod
    def primary(metrics: Mapping[str, float]) -> float:
        """The intersection over union."""
        return metrics['IoU']
