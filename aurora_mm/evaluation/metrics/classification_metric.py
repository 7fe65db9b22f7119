"""Scores of classification tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation.functional import accuracy, auc, auc_of_present, f1_macro, f1_weighted, mcc
from aurora_mm.evaluation.metrics.task_metric import TaskMetric
from aurora_mm.evaluation.per_image import TargetResult
from aurora_mm.evaluation.sample_fields import annotation, prediction
from aurora_mm.registry import METRICS


@METRICS.register_module()
class ClassificationMetric(TaskMetric):
    """AUC, F1, accuracy and Matthews correlation over all images of a task, by the official definitions.

    Metrics: ``AUC``, ``F1_macro``, ``F1_weighted``, ``Accuracy`` (fractions) and ``MCC`` (in [-1, 1]). ``AUC`` is 0
    where the official scorer cannot compute it, because no image is of some class; ``AUC_present``, outside of the
    official score, is then of the classes that are there, and nan if that is just one.

    A class index means the same in any frame of the image, so ``gt_coordinates`` is not looked at.

    Raises:
        DataError: If a sample has no true label, or one that is none of the task's classes.
        ConfigError: If a prediction is missing or has another number of classes than the task.
    """

    def measure(self, sample: Mapping[str, Any]) -> list[TargetResult]:
        """One row, with true class, predicted class and probabilities."""
        truth = int(annotation(sample, 'gt_label'))
        pred = int(prediction(sample, 'pred_label'))
        # Half precision is lifted on the torch side: NumPy knows no bfloat16.
        scores = prediction(sample, 'pred_scores').double().cpu().numpy()
        if not 0 <= truth < len(self.names):
            raise DataError(
                f'task {sample.get("task")!r}: label {truth} is none of its {len(self.names)} classes',
                file=sample.get('img_path'),
            )
        if scores.shape != (len(self.names),):
            raise ConfigError(
                f'task {sample.get("task")!r} has {len(self.names)} classes, but pred_scores has shape {scores.shape}'
            )
        return [self.target(sample, self.names[truth], truth=truth, pred=pred, probs=scores.tolist())]

    def compute_metrics(self, results: list[list[TargetResult]]) -> dict[str, float]:
        """Scores of all samples together."""
        truth, pred, scores = (np.array([getattr(row, name) for (row,) in results]) for name in _COLUMNS)
        return {
            'AUC': auc(truth, scores),
            'AUC_present': auc_of_present(truth, scores),
            'F1_macro': f1_macro(truth, pred),
            'F1_weighted': f1_weighted(truth, pred),
            'Accuracy': accuracy(truth, pred),
            'MCC': mcc(truth, pred),
        }

    @staticmethod
    def primary(metrics: Mapping[str, float]) -> float:
        """The accuracy."""
        return metrics['Accuracy']


_COLUMNS = ('truth', 'pred', 'probs')
