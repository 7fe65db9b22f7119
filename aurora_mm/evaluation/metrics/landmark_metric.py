"""Point distance of landmark tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.functional import mean_radial_error
from aurora_mm.evaluation.metrics.task_metric import TaskMetric
from aurora_mm.evaluation.sample_fields import original_frame_annotation, prediction
from aurora_mm.registry import METRICS


@METRICS.register_module()
class LandmarkMetric(TaskMetric):
    """Mean radial error of a task's points, by the official definition.

    Metrics: ``MRE``, in pixels of the original image, and ``MRE_diagonal``, each image's error divided by its
    diagonal (fraction), which makes images of different sizes comparable; both are means over images.

    Raises:
        DataError: If a sample has no true points.
        ConfigError: If the points are not in the original image's frame, the prediction is missing or has another
            number of points than the task.
    """

    def measure(self, sample: Mapping[str, Any]) -> tuple[float, float]:
        """Mean radial error in pixels and in image diagonals."""
        truth = original_frame_annotation(sample, 'gt_landmarks').double().cpu().numpy()
        pred = prediction(sample, 'pred_landmarks').double().cpu().numpy()
        if not pred.shape == truth.shape == (len(self.names), 2):
            raise ConfigError(
                f'task {sample.get("task")!r} has {len(self.names)} points, but the true ones have shape '
                f'{truth.shape} and the predicted ones {pred.shape} ({sample.get("img_path")})'
            )
        error = mean_radial_error(pred, truth)
        return error, error / math.hypot(*sample['ori_shape'])

    def compute_metrics(self, results: list[tuple[float, float]]) -> dict[str, float]:
        """Means over images."""
        pixels, diagonals = np.mean(results, axis=0)
        return {'MRE': float(pixels), 'MRE_diagonal': float(diagonals)}

    @staticmethod
    def primary(metrics: Mapping[str, float]) -> float:
        """One minus the error in image diagonals, not below 0."""
        return max(0.0, 1.0 - metrics['MRE_diagonal'])
