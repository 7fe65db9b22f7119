"""Dice and Hausdorff distance of segmentation tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aurora_mm.errors import DataError
from aurora_mm.evaluation.functional import dice, hausdorff_distance, resize_mask
from aurora_mm.evaluation.metrics.task_metric import TaskMetric
from aurora_mm.evaluation.sample_fields import original_frame_annotation, prediction
from aurora_mm.registry import METRICS


@METRICS.register_module()
class SegmentationMetric(TaskMetric):
    """Dice similarity and Hausdorff distance per image and foreground class, by the official definitions.

    Class 0 is the background and does not count. A prediction of another size than the true mask is first resized
    to it by nearest neighbour.

    Metrics: ``DSC`` (fraction), ``HD`` (pixels of the true mask) and, for each foreground class, ``DSC_<class>``:
    means over images for each class, then over the foreground classes.

    Raises:
        DataError: If a sample has no true mask, or one with values that are none of the task's classes.
        ConfigError: If the mask is not in the original image's frame or the prediction is missing.
    """

    def measure(self, sample: Mapping[str, Any]) -> list[tuple[float, float]]:
        """(Dice, Hausdorff distance) of each foreground class."""
        truth = original_frame_annotation(sample, 'gt_sem_seg')['data'].cpu().numpy()[0]
        pred = prediction(sample, 'pred_sem_seg')['data'].cpu().numpy()[0]
        if truth.min() < 0 or truth.max() >= len(self.names):
            raise DataError(
                f'task {sample.get("task")!r}: the mask holds values {truth.min()}..{truth.max()}, '
                f'but the task has {len(self.names)} classes',
                file=sample.get('img_path'),
            )
        pred = resize_mask(pred, truth.shape)
        return [
            (dice(pred == index, truth == index), hausdorff_distance(pred == index, truth == index))
            for index in range(1, len(self.names))
        ]

    def compute_metrics(self, results: list[list[tuple[float, float]]]) -> dict[str, float]:
        """Means over images, then over classes."""
        per_class = np.array(results).mean(axis=0)  # (C - 1, 2)
        dsc, hd = per_class.mean(axis=0)
        by_class = {f'DSC_{name}': float(per_class[i, 0]) for i, name in enumerate(self.names[1:])}
        return {'DSC': float(dsc), 'HD': float(hd), **by_class}

    @staticmethod
    def primary(metrics: Mapping[str, float]) -> float:
        """The Dice coefficient."""
        return metrics['DSC']
