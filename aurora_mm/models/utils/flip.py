"""Names of classes and points in what a network found in a mirrored image."""

from __future__ import annotations

import torch
from mmengine.structures import PixelData

from aurora_mm.structures import MaskViews, TaskDataSample
from aurora_mm.tasks import Task


def unflip_predictions(sample: TaskDataSample, task: Task) -> None:
    """Gives predictions on a mirrored image the names that they have in the original one, in place.

    In a mirrored image a left end looks like a right one. Training follows ``task.flip_indices``: output ``i`` there
    stands for class or point ``flip_indices[i]`` of the original image. Positions are not touched:
    ``sample.homography_matrix`` already took them back.
    """
    if not task.swaps:
        return
    original = torch.tensor(task.flip_indices)  # original[i]: what output i stands for
    output = original.argsort()  # output[j]: where class or point j of the original image stands
    if 'pred_landmarks' in sample:
        sample.pred_landmarks = sample.pred_landmarks[output.to(sample.pred_landmarks.device)]
    if 'pred_scores' in sample:
        sample.pred_scores = sample.pred_scores[output.to(sample.pred_scores.device)]
        sample.pred_label = sample.pred_scores.argmax(0, keepdim=True)
    if 'pred_instances' in sample:
        labels = sample.pred_instances.labels
        sample.pred_instances.labels = original.to(labels.device)[labels]
    if 'pred_sem_seg' in sample:
        mask = sample.pred_sem_seg.data
        sample.pred_sem_seg = PixelData(data=original.to(mask.device)[mask])
    if 'mask_views' in sample:
        views = sample.mask_views
        sample.mask_views = MaskViews(view._replace(probs=view.probs[output.to(view.probs.device)]) for view in views)
