from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import InstanceData

from aurora_mm.models.predictions.prediction import PREDICTIONS, Prediction
from aurora_mm.models.utils.box_fusion import fuse_boxes
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


class BoxPrediction(Prediction):
    """Predicted boxes: ``pred_instances`` with ``bboxes`` (N, 4), ``scores`` and ``labels`` (N,).

    They are merged by box fusion. The boxes of all views are kept in ``box_views``, with the same fields and ``views``
    (N,), the index of the view of each box; its metainfo ``num_views`` counts the views, also those without a box.
    """

    def unflip(self, sample: TaskDataSample, task: Task) -> None:
        labels = sample.pred_instances.labels
        sample.pred_instances.labels = torch.tensor(task.flip_indices, device=labels.device)[labels]

    def merge(self, merged: TaskDataSample, samples: Sequence[TaskDataSample]) -> None:
        views = [sample.get('box_views', _one_view(sample.pred_instances)) for sample in samples]
        merged.box_views = _joined(views)
        merged.pred_instances = fuse_boxes([sample.pred_instances for sample in samples])

    def plain(self, sample: TaskDataSample, task: Task) -> dict[str, Any]:
        """Return ``boxes``: dicts of ``box`` (xyxy in original pixels), ``label`` and ``score``, in the same order."""
        found = sample.pred_instances
        columns = zip(found.bboxes.tolist(), found.labels.tolist(), found.scores.tolist(), strict=True)
        return dict(boxes=[dict(box=box, label=task.classes[label], score=score) for box, label, score in columns])


def _one_view(found: InstanceData) -> InstanceData:
    fields = {key: found[key] for key in ('bboxes', 'scores', 'labels')}
    return InstanceData(metainfo=dict(num_views=1), views=torch.zeros_like(found.labels), **fields)


def _joined(views: Sequence[InstanceData]) -> InstanceData:
    numbers, count = [], 0
    for one in views:
        numbers.append(one.views + count)
        count += one.num_views
    fields = {key: torch.cat([one[key] for one in views]) for key in ('bboxes', 'scores', 'labels')}
    return InstanceData(metainfo=dict(num_views=count), views=torch.cat(numbers), **fields)


PREDICTIONS['detection'] = PREDICTIONS['multi_object_detection'] = BoxPrediction()
