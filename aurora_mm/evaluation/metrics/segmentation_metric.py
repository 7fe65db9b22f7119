"""The metric of segmentation tasks: Dice and Hausdorff distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation.functional import (
    dice,
    hausdorff_distance,
    hd95_and_nsd,
    resize_mask,
    weighted_mean,
    weighted_mean_of_known,
)
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.evaluation.metrics.millimetre_metric import MillimetreMetric, spacing_of
from aurora_mm.evaluation.metrics.result_row import ResultRow, cell_matrix, is_number, known_cells
from aurora_mm.evaluation.metrics.task_metric import Floats
from aurora_mm.evaluation.sample_fields import annotation_in_original_coordinates, prediction
from aurora_mm.registry import METRICS
from aurora_mm.structures import IGNORED


@METRICS.register_module()
class SegmentationMetric(MillimetreMetric):
    """Dice coefficient and Hausdorff distance of each foreground class in each image, by the official definitions.

    Class 0 is the background and does not count. If the sizes differ, the prediction is resized to the true mask by
    nearest neighbour interpolation. Pixels of value 255 in the true mask do not count: they are background in both
    masks.

    Metrics: ``DSC`` in [0, 1] and ``HD`` in pixels of the true mask; in addition, not part of the official score,
    ``HD95`` in pixels and ``NSD`` in [0, 1], both of boundaries; and for each foreground class ``DSC_<class>`` and
    ``HD_<class>``. All are averaged over images for each class, then over the foreground classes. Where the pixel
    spacing of images is known, also ``HD_mm`` and ``HD95_mm``, the same in mm over these images, and ``n_mm``, their
    number; with ``nsd_tolerance_mm`` also ``NSD_mm``, the NSD with a tolerance in mm.

    Args:
        nsd_tolerance: Distance in pixels within which boundaries count as equal for ``NSD``.
        nsd_tolerance_mm: Distance in mm within which boundaries count as equal for ``NSD_mm``. None leaves it out.
        kwargs: Arguments of MMEngine's ``BaseMetric``.

    Raises:
        DataError: If a sample has no true mask, or one with values that are not classes of the task.
        ConfigError: If a tolerance is no number from 0 on, the mask is not in original coordinates or the prediction is
            missing.
    """

    task_type = 'segmentation'
    row_columns = (
        Column('DSC', title='Dice (DSC)'),
        Column('HD', unit='px', higher_is_better=False, title='Hausdorff distance (HD)'),
        Column('HD95', unit='px', higher_is_better=False, brief=False),
        Column('NSD', brief=False),
        Column('HD_mm', unit='mm', higher_is_better=False, brief=False, digits=2, optional=True),
        Column(
            'HD95_mm',
            unit='mm',
            higher_is_better=False,
            title='95th percentile of the Hausdorff distance (HD95)',
            digits=2,
            optional=True,
        ),
        Column('NSD_mm', brief=False, optional=True),
    )
    columns = (*row_columns, MillimetreMetric.count)
    headline = 'DSC'
    row_data: ClassVar[tuple[str, ...]] = ('size',)
    rows_per_image: ClassVar[Literal['one', 'each', 'any']] = 'each'
    has_masks: ClassVar[bool] = True

    def __init__(self, nsd_tolerance: float = 2.0, nsd_tolerance_mm: float | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _check_tolerance(nsd_tolerance, 'pixels')
        if nsd_tolerance_mm is not None:
            _check_tolerance(nsd_tolerance_mm, 'mm')
        self.nsd_tolerance = nsd_tolerance
        self.nsd_tolerance_mm = nsd_tolerance_mm

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
        for column in cls._scored_columns(images):
            if column.optional:
                of_class = weighted_mean_of_known(known_cells(images, column.name), weights)
            else:
                of_class = weighted_mean(cell_matrix(images, column.name), weights)
            of_classes[column.name] = of_class  # (R, C - 1)
            scores[column.name] = of_classes[column.name].mean(axis=1)
        for index, row in enumerate(images[0]):
            scores |= {f'{name}_{row.target}': of_classes[name][:, index] for name in ('DSC', 'HD')}
        return scores

    def compare(
        self, pred: NDArray[np.bool_], truth: NDArray[np.bool_], spacing: tuple[float, float] | None
    ) -> dict[str, float]:
        """Compute the scores of one class in one image.

        Args:
            pred: (H, W) bool, the predicted pixels.
            truth: (H, W) bool, the true pixels.
            spacing: (height, width) of a pixel in mm; None if it is not known.

        Returns:
            A number for each of :attr:`row_columns`, of those in mm only with ``spacing``; and ``size``, the true
            fraction of the image.
        """
        in_mm = () if self.nsd_tolerance_mm is None or spacing is None else (self.nsd_tolerance_mm,)
        side = spacing[0] if spacing is not None and spacing[0] == spacing[1] else None
        # Distances in mm between square pixels are those in pixels, which are computed once.
        in_px = () if side is None else [tolerance / side for tolerance in in_mm]
        hd95_px, nsd_px, *nsd_mm = hd95_and_nsd(pred, truth, self.nsd_tolerance, *in_px)
        found = dict(
            size=float(truth.mean()),
            DSC=dice(pred, truth),
            HD=hausdorff_distance(pred, truth),
            HD95=hd95_px,
            NSD=nsd_px,
        )
        if spacing is None:
            return found
        if side is not None:
            found |= dict(HD_mm=found['HD'] * side, HD95_mm=found['HD95'] * side)
        else:
            hd95_mm, *nsd_mm = hd95_and_nsd(pred, truth, *in_mm, spacing=spacing)
            found |= dict(HD_mm=hausdorff_distance(pred, truth, spacing), HD95_mm=hd95_mm)
        return found | dict(zip(('NSD_mm',), nsd_mm, strict=False))

    @classmethod
    def _scored_columns(cls, images: Sequence[Sequence[ResultRow]]) -> list[Column]:
        """Return the columns of which there are scores: without the count, and optional ones if a row has them."""
        known = {name for rows in images for row in rows for name in row.values}
        return [
            column for column in cls.columns if not column.is_count and (column.name in known or not column.optional)
        ]

    def _row(
        self, sample: Mapping[str, Any], index: int, pred: NDArray[np.bool_], truth: NDArray[np.bool_]
    ) -> ResultRow:
        return self.row(sample, self.names[index], **self.compare(pred, truth, spacing_of(sample)))


def _check_tolerance(tolerance: Any, unit: str) -> None:
    if not is_number(tolerance) or tolerance < 0:
        raise ConfigError(f'the tolerance of NSD must be a number of {unit}, 0 or more, not {tolerance!r}')
