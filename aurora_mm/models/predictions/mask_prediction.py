from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from numpy.typing import NDArray

from aurora_mm.errors import ConfigError
from aurora_mm.models.predictions.prediction import PREDICTIONS, Prediction
from aurora_mm.models.utils.original_coordinates import mask_from_views
from aurora_mm.structures import MaskViews, TaskDataSample
from aurora_mm.tasks import Task


class MaskPrediction(Prediction):
    """A predicted mask: ``pred_sem_seg`` (1, H, W), made from the probabilities in ``mask_views``."""

    def unflip(self, sample: TaskDataSample, task: Task) -> None:
        mask = sample.pred_sem_seg.data
        original = torch.tensor(task.flip_indices, device=mask.device)  # class of output i in the original image
        sample.pred_sem_seg = PixelData(data=original[mask])
        if 'mask_views' in sample:
            sample.mask_views = MaskViews(
                view._replace(probs=view.probs[original.to(view.probs.device).argsort()]) for view in sample.mask_views
            )

    def merge(self, merged: TaskDataSample, samples: Sequence[TaskDataSample]) -> None:
        """Set the class with the highest mean probability over all views, and keep all views."""
        merged.mask_views = joined_views(merged.task, samples)
        merged.pred_sem_seg = PixelData(data=mask_from_views(merged.mask_views, merged.ori_shape))

    def class_masks(self, sample: TaskDataSample, task: Task) -> NDArray[np.bool_]:
        """Return the pixels of each class but the background, see :class:`Prediction`."""
        mask = sample.pred_sem_seg.data.cpu().numpy()
        masks: NDArray[np.bool_] = mask == np.arange(1, task.num_outputs)[:, None, None]
        return masks

    def plain(self, sample: TaskDataSample, task: Task) -> dict[str, Any]:
        """Return ``mask``, (H, W) uint8 class indices."""
        return dict(mask=sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8))


def joined_views(task: str, samples: Sequence[TaskDataSample]) -> MaskViews:
    """Return the views of all samples, whose probabilities are then averaged.

    Args:
        task: Name of the task, for the error message.
        samples: Samples of one image.

    Raises:
        ConfigError: If a sample has no views.
    """
    if any('mask_views' not in sample for sample in samples):
        raise ConfigError(
            f'the head of task {task!r} sets no mask_views: masks without their probabilities cannot be merged over '
            'views or models'
        )
    return MaskViews(view for sample in samples for view in sample.mask_views)


PREDICTIONS['segmentation'] = MaskPrediction()
