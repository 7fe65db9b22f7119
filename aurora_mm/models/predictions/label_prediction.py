from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from aurora_mm.models.predictions.prediction import PREDICTIONS, Prediction
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


class LabelPrediction(Prediction):
    """A predicted class: ``pred_scores`` (C,) and ``pred_label`` (1,); merged by averaging the probabilities."""

    def unflip(self, sample: TaskDataSample, task: Task) -> None:
        # Pairs trade places, so that the indices are their own inverse.
        _set(sample, sample.pred_scores[torch.tensor(task.flip_indices, device=sample.pred_scores.device)])

    def merge(self, merged: TaskDataSample, samples: Sequence[TaskDataSample]) -> None:
        _set(merged, torch.stack([sample.pred_scores for sample in samples]).mean(0))

    def plain(self, sample: TaskDataSample, task: Task) -> dict[str, Any]:
        """Return ``label``, the name of the class, and ``scores``, the probability of each class by its name."""
        scores = dict(zip(task.classes, sample.pred_scores.tolist(), strict=True))
        return dict(label=task.classes[int(sample.pred_label)], scores=scores)


def _set(sample: TaskDataSample, scores: Tensor) -> None:
    sample.pred_scores = scores
    sample.pred_label = scores.argmax(0, keepdim=True)


PREDICTIONS['classification'] = LabelPrediction()
