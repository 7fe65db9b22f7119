"""Point distance of landmark tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.functional import radial_errors
from aurora_mm.evaluation.metrics.task_metric import TaskMetric
from aurora_mm.evaluation.per_image import TargetResult
from aurora_mm.evaluation.sample_fields import original_frame_annotation, prediction
from aurora_mm.registry import METRICS


@METRICS.register_module()
class LandmarkMetric(TaskMetric):
    """Mean radial error of a task's points, by the official definition.

    Metrics: ``MRE``, in pixels of the original image; ``MRE_diagonal``, each image's error divided by its diagonal
    (fraction), which makes images of different sizes comparable; and for each point ``MRE_<point>``. ``MRE`` is the
    mean over an image's points, then over images.

    Raises:
        DataError: If a sample has no true points.
        ConfigError: If the points are not in original coordinates, the prediction is missing or has another
            number of points than the task.
    """

    def measure(self, sample: Mapping[str, Any]) -> list[TargetResult]:
        """A row for each point."""
        truth = original_frame_annotation(sample, 'gt_landmarks').double().cpu().numpy()
        pred = prediction(sample, 'pred_landmarks').double().cpu().numpy()
        if not pred.shape == truth.shape == (len(self.names), 2):
            raise ConfigError(
                f'task {sample.get("task")!r} has {len(self.names)} points, but the true ones have shape '
                f'{truth.shape} and the predicted ones {pred.shape} ({sample.get("img_path")})'
            )
        columns = zip(self.names, radial_errors(pred, truth).tolist(), truth.tolist(), pred.tolist(), strict=True)
        return [self.target(sample, name, error=e, truth=t, pred=p) for name, e, t, p in columns]

    def compute_metrics(self, results: list[list[TargetResult]]) -> dict[str, float]:
        """Means over points, then over images."""
        errors = np.array([[row.error for row in rows] for rows in results])  # (N, K)
        diagonals = np.array([math.hypot(rows[0].height, rows[0].width) for rows in results])
        per_image = errors.mean(axis=1)
        by_point = {f'MRE_{name}': mean for name, mean in zip(self.names, errors.mean(axis=0).tolist(), strict=True)}
        return {'MRE': float(per_image.mean()), 'MRE_diagonal': float((per_image / diagonals).mean()), **by_point}

    @staticmethod
    def primary(metrics: Mapping[str, float]) -> float:
        """One minus the error in image diagonals, not below 0."""
        return max(0.0, 1.0 - metrics['MRE_diagonal'])
