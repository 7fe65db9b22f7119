"""The metric of segmentation tasks whose classes may overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.functional import mean_of_defined, resize_mask, weighted_mean_of_known
from aurora_mm.evaluation.metrics.millimetre_metric import spacing_of
from aurora_mm.evaluation.metrics.result_row import ResultRow, cells_by_target
from aurora_mm.evaluation.metrics.segmentation_metric import SegmentationMetric
from aurora_mm.evaluation.metrics.task_metric import Floats
from aurora_mm.evaluation.sample_fields import annotation_in_original_coordinates, prediction
from aurora_mm.registry import METRICS
from aurora_mm.run_lengths import decode_mask, encode_mask
from aurora_mm.structures import IGNORED


@METRICS.register_module()
class MultiLabelSegmentationMetric(SegmentationMetric):
    """Dice coefficient and Hausdorff distance of each class, as :class:`SegmentationMetric` computes them.

    There is no background class, and a pixel may belong to several classes. A class that is not labelled in an image
    has no row there. Scores of a class are averaged over the images in which it is labelled, then over the classes.

    A row holds the true and the predicted mask of its class as COCO's compressed run lengths, ``truth`` and ``pred``.

    Args:
        kwargs: See :class:`SegmentationMetric`.

    Raises:
        DataError: If a sample has no true masks.
        ConfigError: If masks are not in original coordinates, a prediction is missing, or there are masks of another
            number of classes than the task has.
    """

    task_type = 'multi_label_segmentation'
    row_data = ('size', 'truth', 'pred')
    rows_per_image = 'any'
    has_masks = False

    def measure(self, sample: Mapping[str, Any]) -> list[ResultRow]:
        """Compute the scores of each labelled class; see :meth:`TaskMetric.measure`."""
        truths = annotation_in_original_coordinates(sample, 'gt_class_masks')['data'].cpu().numpy()
        preds = prediction(sample, 'pred_class_masks')['data'].cpu().numpy()
        if not len(truths) == len(preds) == len(self.names):
            raise ConfigError(
                f'task {sample.get("task")!r} has {len(self.names)} classes, but there are {len(truths)} true and '
                f'{len(preds)} predicted masks'
            )
        rows = []
        for name, truth, pred in zip(self.names, truths, preds, strict=True):
            if truth[0, 0] != IGNORED:
                height, width = truth.shape
                found, true = resize_mask(pred, (height, width)) == 1, truth == 1
                texts = dict(truth=encode_mask(true), pred=encode_mask(found))
                rows.append(self.row(sample, name, **self.compare(found, true, spacing_of(sample)), **texts))
        return rows

    @classmethod
    def aggregate(cls, images: Sequence[Sequence[ResultRow]], weights: Floats) -> dict[str, Floats]:
        """Average over the images with a label, then over classes; see :meth:`TaskMetric.aggregate`."""
        names = list(dict.fromkeys(row.target for rows in images for row in rows))
        scores, of_classes = {}, {}
        for column in cls._scored_columns(images):
            cells = cells_by_target(images, column.name, names, column.optional)
            of_classes[column.name] = weighted_mean_of_known(cells, weights)  # (R, C)
            scores[column.name] = mean_of_defined(of_classes[column.name].T)
        for index, target in enumerate(names):
            scores |= {f'{name}_{target}': of_classes[name][:, index] for name in ('DSC', 'HD')}
        return scores

    @classmethod
    def check(cls, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Check the numbers, and that masks fit the image; see :meth:`TaskMetric.check`."""
        super().check(rows, names)
        for row in rows:
            for key in ('truth', 'pred'):
                decode_mask(row[key], (row.height, row.width))

    @classmethod
    def restore(cls, sample: Any, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Set the true and the predicted masks; see :meth:`TaskMetric.restore`."""
        shape = (rows[0].height, rows[0].width)
        for key, field in (('truth', 'gt_class_masks'), ('pred', 'pred_class_masks')):
            masks = np.zeros((len(names), *shape), np.uint8)
            for row in rows:
                masks[list(names).index(row.target)] = decode_mask(row[key], shape)
            setattr(sample, field, PixelData(data=torch.from_numpy(masks)))
