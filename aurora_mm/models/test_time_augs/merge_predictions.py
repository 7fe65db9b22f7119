"""Merging of several predictions of one image."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from aurora_mm.models.predictions import prediction_of
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample


def merge_predictions(samples: Sequence[MultiTaskDataSample]) -> MultiTaskDataSample:
    """Merge several predictions of one image, task by task, see :func:`merge_task_predictions`.

    Args:
        samples: Predictions of one image for the same tasks; at least one.

    Returns:
        A copy of the first sample with the merged predictions.
    """
    merged = samples[0].clone()
    for name in merged.task_names:
        merged.add(merge_task_predictions([sample[name] for sample in samples]))
    return merged


def merge_task_predictions(samples: Sequence[TaskDataSample]) -> TaskDataSample:
    """Merge several predictions of one image for one task.

    Probabilities of classes and pixels and coordinates of points are averaged; boxes are merged by
    :func:`aurora_mm.models.utils.box_fusion.fuse_boxes`.

    Args:
        samples: Predictions of one image for one task, in pixels of the original image; at least one.

    Returns:
        A copy of the first sample with the merged prediction. It keeps all views of the samples, so that it can be
        merged again (with others of as many views).

    Raises:
        ConfigError: If the predictions cannot be merged, such as masks without their probabilities.
    """
    merged = samples[0].clone()
    prediction_of(merged.task_type).merge(merged, samples)
    flags = [sample.outputs_are_finite for sample in samples if 'outputs_are_finite' in sample]
    if flags:
        merged.outputs_are_finite = torch.stack(flags).all()
    return merged
