from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from numpy.typing import NDArray

from aurora_mm.models.predictions.mask_prediction import joined_views
from aurora_mm.models.predictions.prediction import PREDICTIONS, Prediction
from aurora_mm.models.utils.original_coordinates import class_masks_from_views
from aurora_mm.structures import MaskViews, TaskDataSample
from aurora_mm.tasks import Task


class MultiLabelMaskPrediction(Prediction):
    """Predicted masks of classes that may overlap: ``pred_class_masks`` (C, H, W), from the probabilities in
    ``mask_views``; merged by averaging them."""

    def unflip(self, sample: TaskDataSample, task: Task) -> None:
        masks = sample.pred_class_masks.data
        # Pairs trade places, so that the indices are their own inverse.
        original = torch.tensor(task.flip_indices, device=masks.device)
        sample.pred_class_masks = PixelData(data=masks[original])
        if 'mask_views' in sample:
            sample.mask_views = MaskViews(
                view._replace(probs=view.probs[original.to(view.probs.device)]) for view in sample.mask_views
            )

    def merge(self, merged: TaskDataSample, samples: Sequence[TaskDataSample]) -> None:
        """Set the pixels in which the mean probability of a class over all views is 0.5 or more; keep all views."""
        merged.mask_views = joined_views(merged.task, samples)
        merged.pred_class_masks = PixelData(data=class_masks_from_views(merged.mask_views, merged.ori_shape))

    def class_masks(self, sample: TaskDataSample, task: Task) -> NDArray[np.bool_]:
        """Return the pixels of each class, see :class:`Prediction`."""
        masks: NDArray[np.bool_] = sample.pred_class_masks.data.cpu().numpy() == 1
        return masks

    def plain(self, sample: TaskDataSample, task: Task) -> dict[str, Any]:
        """Return ``class_masks``, (C, H, W) uint8, 1 in the pixels of each class."""
        return dict(class_masks=sample.pred_class_masks.data.cpu().numpy())


PREDICTIONS['multi_label_segmentation'] = MultiLabelMaskPrediction()
