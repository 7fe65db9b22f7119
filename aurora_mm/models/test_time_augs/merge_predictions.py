"""Several predictions of one image as one."""

from __future__ import annotations

from collections.abc import Sequence

from aurora_mm.models.predictions import prediction_of
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample


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
    """Merge several predictions of one image for one task, before any decision: probabilities of classes and of
    pixels and coordinates of points by their mean, boxes by :func:`aurora_mm.models.utils.box_fusion.fuse_boxes`.

    Args:
        samples: Of one image and task, predictions in pixels of the original image; one or more.

    Returns:
        A copy of the first with the merged prediction. Its views are all views of the samples, so that a merged
        prediction can be merged again (with others of as many views).

    Raises:
        ConfigError: If the predictions cannot be merged, such as masks of a head that kept no probabilities.
    """
    merged = samples[0].clone()
    prediction_of(merged.task_type).merge(merged, samples)
    return merged
