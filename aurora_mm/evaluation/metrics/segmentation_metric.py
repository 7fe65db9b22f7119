"""Dice and Hausdorff distance of segmentation tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aurora_mm.errors import DataError
from aurora_mm.evaluation.functional import dice, hausdorff_distance, hd95_and_nsd, resize_mask
from aurora_mm.evaluation.metrics.task_metric import TaskMetric
from aurora_mm.evaluation.per_image import TargetResult
from aurora_mm.evaluation.sample_fields import original_frame_annotation, prediction
from aurora_mm.registry import METRICS


@METRICS.register_module()
class SegmentationMetric(TaskMetric):
    """Dice similarity and Hausdorff distance per image and foreground class, by the official definitions.

    Class 0 is the background and does not count. A prediction of another size than the true mask is first resized
    to it by nearest neighbour.

    Metrics: ``DSC`` (fraction) and ``HD`` (pixels of the true mask); beside them, outside of the official score,
    ``HD95`` (pixels) and ``NSD`` (fraction), both of boundaries; and for each foreground class ``DSC_<class>`` and
    ``HD_<class>``. All are means over images for each class, then over the foreground classes.

    Args:
        nsd_tolerance: Pixels within which two boundaries agree.

    Raises:
        DataError: If a sample has no true mask, or one with values that are none of the task's classes.
        ConfigError: If the mask is not in original coordinates or the prediction is missing.
    """

    def __init__(self, nsd_tolerance: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.nsd_tolerance = nsd_tolerance

    def measure(self, sample: Mapping[str, Any]) -> list[TargetResult]:
        """A row for each foreground class."""
        truth = original_frame_annotation(sample, 'gt_sem_seg')['data'].cpu().numpy()[0]
        pred = prediction(sample, 'pred_sem_seg')['data'].cpu().numpy()[0]
        if truth.min() < 0 or truth.max() >= len(self.names):
            raise DataError(
                f'task {sample.get("task")!r}: the mask holds values {truth.min()}..{truth.max()}, '
                f'but the task has {len(self.names)} classes',
                file=sample.get('img_path'),
            )
        pred = resize_mask(pred, truth.shape)
        return [self._row(sample, index, pred == index, truth == index) for index in range(1, len(self.names))]

    def _row(self, sample: Mapping[str, Any], index: int, pred: np.ndarray, truth: np.ndarray) -> TargetResult:
        hd95, nsd = hd95_and_nsd(pred, truth, self.nsd_tolerance)
        return self.target(
            sample,
            self.names[index],
            size=float(truth.mean()),
            DSC=dice(pred, truth),
            HD=hausdorff_distance(pred, truth),
            HD95=hd95,
            NSD=nsd,
        )

    def compute_metrics(self, results: list[list[TargetResult]]) -> dict[str, float]:
        """Means over images, then over classes."""
        names = ('DSC', 'HD', 'HD95', 'NSD')
        values = np.array([[[getattr(row, name) for name in names] for row in rows] for rows in results])
        per_class = values.mean(axis=0)  # (C - 1, 4)
        scores = dict(zip(names, per_class.mean(axis=0).tolist(), strict=True))
        for name, (dsc, hd, *_) in zip(self.names[1:], per_class.tolist(), strict=True):
            scores |= {f'DSC_{name}': dsc, f'HD_{name}': hd}
        return scores

    @staticmethod
    def primary(metrics: Mapping[str, float]) -> float:
        """The Dice coefficient."""
        return metrics['DSC']
