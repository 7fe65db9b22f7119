from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from aurora_mm.models.predictions.prediction import PREDICTIONS, Prediction
from aurora_mm.structures import LABEL_THRESHOLD, TaskDataSample
from aurora_mm.tasks import Task


class MultiLabelPrediction(Prediction):
    """Predicted probabilities of classes that do not exclude each other: ``pred_scores`` (C,); merged by averaging."""

    def unflip(self, sample: TaskDataSample, task: Task) -> None:
        # Pairs trade places, so that the indices are their own inverse.
        sample.pred_scores = sample.pred_scores[torch.tensor(task.flip_indices, device=sample.pred_scores.device)]

    def merge(self, merged: TaskDataSample, samples: Sequence[TaskDataSample]) -> None:
        merged.pred_scores = torch.stack([sample.pred_scores for sample in samples]).mean(0)

    def plain(self, sample: TaskDataSample, task: Task) -> dict[str, Any]:
        """Return ``labels``, the classes of probability 0.5 or more, and ``scores``, the probability of each class."""
        scores = dict(zip(task.classes, sample.pred_scores.tolist(), strict=True))
        return dict(labels=[name for name, score in scores.items() if score >= LABEL_THRESHOLD], scores=scores)


PREDICTIONS['multi_label_classification'] = MultiLabelPrediction()
