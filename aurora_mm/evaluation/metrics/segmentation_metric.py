"""Dice and Hausdorff distance of segmentation tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aurora_mm.errors import DataError
from aurora_mm.evaluation.functional import dice, hausdorff_distance, hd95_and_nsd, resize_mask, weighted_mean
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.evaluation.metrics.result_row import ResultRow, cell_matrix
from aurora_mm.evaluation.metrics.task_metric import Floats, TaskMetric
from aurora_mm.evaluation.sample_fields import original_frame_annotation, prediction
from aurora_mm.registry import METRICS

IGNORED = 255  # in a true mask, of pixels that do not count


@METRICS.register_module()
class SegmentationMetric(TaskMetric):
    """Dice similarity and Hausdorff distance per image and foreground class, by the official definitions.

    Class 0 is the background and does not count. A prediction of another size than the true mask is first resized
    to it by nearest neighbour. Pixels whose true value is 255 do not count: neither mask has a class there.

    Metrics: ``DSC`` (fraction) and ``HD`` (pixels of the true mask); beside them, outside of the official score,
    ``HD95`` (pixels) and ``NSD`` (fraction), both of boundaries; and for each foreground class ``DSC_<class>`` and
    ``HD_<class>``. All are means over images for each class, then over the foreground classes.

    Args:
        nsd_tolerance: Pixels within which two boundaries agree.

    Raises:
        DataError: If a sample has no true mask, or one with values that are none of the task's classes.
        ConfigError: If the mask is not in original coordinates or the prediction is missing.
    """

    task_type = 'segmentation'
    columns = row_columns = (
        Column('DSC', title='Dice (DSC)'),
        Column('HD', unit='px', higher_is_better=False, title='Hausdorff distance (HD)'),
        Column('HD95', unit='px', higher_is_better=False, brief=False),
        Column('NSD', brief=False),
    )
    headline = 'DSC'
    row_data = ('size',)
    has_masks = True

    def __init__(self, nsd_tolerance: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.nsd_tolerance = nsd_tolerance

    def measure(self, sample: Mapping[str, Any]) -> list[ResultRow]:
        """Measures each foreground class; see :meth:`TaskMetric.measure`."""
        truth = original_frame_annotation(sample, 'gt_sem_seg')['data'].cpu().numpy()[0]
        pred = prediction(sample, 'pred_sem_seg')['data'].cpu().numpy()[0]
        counted = truth != IGNORED
        truth = np.where(counted, truth, 0)
        if truth.min() < 0 or truth.max() >= len(self.names):
            raise DataError(
                f'task {sample.get("task")!r}: the mask holds values {truth.min()}..{truth.max()}, '
                f'but the task has {len(self.names)} classes',
                file=sample.get('img_path'),
            )
        height, width = truth.shape
        pred = np.where(counted, resize_mask(pred, (height, width)), 0)
        return [self._row(sample, index, pred == index, truth == index) for index in range(1, len(self.names))]

    @classmethod
    def aggregate(cls, images: Sequence[Sequence[ResultRow]], weights: Floats) -> dict[str, Floats]:
        """Averages over images, then over classes; see :meth:`TaskMetric.aggregate`."""
        scores, of_classes = {}, {}
        for column in cls.columns:
            of_classes[column.name] = weighted_mean(cell_matrix(images, column.name), weights)  # (R, C - 1)
            scores[column.name] = of_classes[column.name].mean(axis=1)
        for index, row in enumerate(images[0]):
            scores |= {f'{name}_{row.target}': of_classes[name][:, index] for name in ('DSC', 'HD')}
        return scores

    @classmethod
    def check(cls, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Every foreground class has its row; see :meth:`TaskMetric.check`."""
        super().check(rows, names)
        if [row.target for row in rows] != list(names):
            raise ValueError(f'an image has rows of {[row.target for row in rows]}, not of {list(names)}')

    def _row(self, sample: Mapping[str, Any], index: int, pred: np.ndarray, truth: np.ndarray) -> ResultRow:
        hd95, nsd = hd95_and_nsd(pred, truth, self.nsd_tolerance)
        return self.row(
            sample,
            self.names[index],
            size=float(truth.mean()),
            DSC=dice(pred, truth),
            HD=hausdorff_distance(pred, truth),
            HD95=hd95,
            NSD=nsd,
        )
