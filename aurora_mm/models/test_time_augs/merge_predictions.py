"""Several predictions of one image as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.structures import PixelData

from aurora_mm.errors import ConfigError
from aurora_mm.models.test_time_augs.box_fusion import fuse_boxes
from aurora_mm.models.utils.original_coordinates import mask_from_views
from aurora_mm.structures import MaskViews, MultiTaskDataSample, TaskDataSample


def merge_predictions(samples: Sequence[MultiTaskDataSample]) -> MultiTaskDataSample:
    """Merge several predictions of one image, task by task, see :func:`merge_task_predictions`.

    Args:
        samples: Of one image and the same tasks; one or more.

    Returns:
        A copy of the first with the merged predictions.
    """
    merged = samples[0].clone()
    for name in merged.task_names:
        merged.add(merge_task_predictions([sample[name] for sample in samples]))
    return merged


def merge_task_predictions(samples: Sequence[TaskDataSample]) -> TaskDataSample:
    """The mean of several predictions of one image, before any decision: probabilities of classes and of pixels,
    coordinates of points; boxes by :func:`fuse_boxes`.

    Args:
        samples: Of one image and task, predictions in pixels of the original image; one or more.

    Returns:
        A copy of the first with the merged prediction. Its views are all views of the samples, so that a merged
        prediction can be merged again (with others of as many views).

    Raises:
        ConfigError: If a head predicted a mask and kept no probabilities of it.
    """
    merged = samples[0].clone()
    if 'pred_sem_seg' in merged:
        without = [sample for sample in samples if 'mask_views' not in sample]
        if without:
            raise ConfigError(
                f'the head of task {merged.task!r} sets no mask_views: masks without their probabilities cannot be '
                'merged over views or models'
            )
        merged.mask_views = MaskViews(view for sample in samples for view in sample.mask_views)
        merged.pred_sem_seg = PixelData(data=mask_from_views(merged.mask_views, merged.ori_shape))
    if 'pred_scores' in merged:
        merged.pred_scores = torch.stack([sample.pred_scores for sample in samples]).mean(0)
        merged.pred_label = merged.pred_scores.argmax(0, keepdim=True)
    if 'pred_instances' in merged:
        merged.pred_instances = fuse_boxes([sample.pred_instances for sample in samples])
    if 'pred_landmarks' in merged:
        merged.pred_landmarks = torch.stack([sample.pred_landmarks for sample in samples]).mean(0)
    return merged
