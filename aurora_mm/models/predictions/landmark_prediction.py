from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from aurora_mm.models.predictions.prediction import PREDICTIONS, Prediction
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


class LandmarkPrediction(Prediction):
    """Predicted points: ``pred_landmarks`` (K, 2); merged by averaging the coordinates. All views are kept."""

    def unflip(self, sample: TaskDataSample, task: Task) -> None:
        found = sample.pred_landmarks
        # Pairs trade places, so that the indices are their own inverse.
        sample.pred_landmarks = found[torch.tensor(task.flip_indices, device=found.device)]

    def merge(self, merged: TaskDataSample, samples: Sequence[TaskDataSample]) -> None:
        views = [sample.get('landmark_views', sample.pred_landmarks[None]) for sample in samples]
        merged.pred_landmarks = torch.stack([sample.pred_landmarks for sample in samples]).mean(0)
        merged.landmark_views = torch.cat(views)

    def plain(self, sample: TaskDataSample, task: Task) -> dict[str, Any]:
        """Return ``points``, [x, y] in original pixels by the name of the point."""
        return dict(points=dict(zip(task.points, sample.pred_landmarks.tolist(), strict=True)))


PREDICTIONS['landmark'] = LandmarkPrediction()
