"""The metric of segmentation tasks: Dice and Hausdorff distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from aurora_mm.errors import DataError
from aurora_mm.evaluation.functional import dice, hausdorff_distance, hd95_and_nsd, resize_mask, weighted_mean
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.evaluation.metrics.result_row import ResultRow, cell_matrix
from aurora_mm.evaluation.metrics.task_metric import Floats, TaskMetric
from aurora_mm.evaluation.sample_fields import annotation_in_original_coordinates, prediction
from aurora_mm.registry import METRICS

IGNORED = 255  # value of pixels in a true mask that do not count


@METRICS.register_module()
class SegmentationMetric(TaskMetric):
    """Dice coefficient and Hausdorff distance of each foreground class in each image, by the official definitions.

    Class 0 is the background and does not count. If the sizes differ, the prediction is resized to the true mask by
    nearest neighbour interpolation. Pixels of value 255 in the true mask do not count: they are background in both
    masks.

    Metrics: ``DSC`` in [0, 1] and ``HD`` in pixels of the true mask; in addition, not part of the official score,
    ``HD95`` in pixels and ``NSD`` in [0, 1], both of boundaries; and for each foreground class ``DSC_<class>`` and
    ``HD_<class>``. All are averaged over images for each class, then over the foreground classes.

    Args:
        nsd_tolerance: Distance in pixels within which boundaries count as equal for ``NSD``.
        kwargs: Arguments of MMEngine's ``BaseMetric``.

    Raises:
        DataError: If a sample has no true mask, or one with values that are not classes of the task.
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
    row_data: ClassVar[tuple[str, ...]] = ('size',)
    rows_per_image: ClassVar[Literal['one', 'each', 'any']] = 'each'
    has_masks: ClassVar[bool] = True

    def __init__(self, nsd_tolerance: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.nsd_tolerance = nsd_tolerance

    def measure(self, sample: Mapping[str, Any]) -> list[ResultRow]:
        """Compute the scores of each foreground class; see :meth:`TaskMetric.measure`."""
        truth = annotation_in_original_coordinates(sample, 'gt_sem_seg')['data'].cpu().numpy()[0]
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
        """Average over images, then over classes; see :meth:`TaskMetric.aggregate`."""
        scores, of_classes = {}, {}
        for column in cls.columns:
            of_classes[column.name] = weighted_mean(cell_matrix(images, column.name), weights)  # (R, C - 1)
            scores[column.name] = of_classes[column.name].mean(axis=1)
        for index, row in enumerate(images[0]):
            scores |= {f'{name}_{row.target}': of_classes[name][:, index] for name in ('DSC', 'HD')}
        return scores

    def compare(self, pred: NDArray[np.bool_], truth: NDArray[np.bool_]) -> dict[str, float]:
        """Compute the scores of one class in one image.

        Args:
            pred: (H, W) bool, the predicted pixels.
            truth: (H, W) bool, the true pixels.

        Returns:
            A number for each of :attr:`row_columns`, and ``size``, the true fraction of the image.
        """
        hd95, nsd = hd95_and_nsd(pred, truth, self.nsd_tolerance)
        return dict(
            size=float(truth.mean()),
            DSC=dice(pred, truth),
            HD=hausdorff_distance(pred, truth),
            HD95=hd95,
            NSD=nsd,
        )

    def _row(
        self, sample: Mapping[str, Any], index: int, pred: NDArray[np.bool_], truth: NDArray[np.bool_]
    ) -> ResultRow:
        return self.row(sample, self.names[index], **self.compare(pred, truth))
