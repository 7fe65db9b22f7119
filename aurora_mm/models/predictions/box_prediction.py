from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from aurora_mm.models.predictions.prediction import PREDICTIONS, Prediction
from aurora_mm.models.utils.box_fusion import fuse_boxes
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


class BoxPrediction(Prediction):
    """Predicted boxes: ``pred_instances`` with ``bboxes`` (N, 4), ``scores`` and ``labels`` (N,).

    They are merged by box fusion.
    """

    def unflip(self, sample: TaskDataSample, task: Task) -> None:
        labels = sample.pred_instances.labels
        sample.pred_instances.labels = torch.tensor(task.flip_indices, device=labels.device)[labels]

    def merge(self, merged: TaskDataSample, samples: Sequence[TaskDataSample]) -> None:
        merged.pred_instances = fuse_boxes([sample.pred_instances for sample in samples])

    def plain(self, sample: TaskDataSample, task: Task) -> dict[str, Any]:
        """Return ``boxes``: dicts of ``box`` (xyxy in original pixels), ``label`` and ``score``, in the same order."""
        found = sample.pred_instances
        columns = zip(found.bboxes.tolist(), found.labels.tolist(), found.scores.tolist(), strict=True)
        return dict(boxes=[dict(box=box, label=task.classes[label], score=score) for box, label, score in columns])


PREDICTIONS['detection'] = PREDICTIONS['multi_object_detection'] = BoxPrediction()
