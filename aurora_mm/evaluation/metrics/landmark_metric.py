"""The metric of landmark tasks: distance of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation.functional import radial_errors, weighted_mean, weighted_mean_of_known
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.evaluation.metrics.millimetre_metric import MillimetreMetric, spacing_of
from aurora_mm.evaluation.metrics.result_row import ResultRow, are_numbers, cells_by_target
from aurora_mm.evaluation.metrics.task_metric import Floats
from aurora_mm.evaluation.sample_fields import annotation_in_original_coordinates, prediction
from aurora_mm.registry import METRICS
from aurora_mm.structures import points_array


@METRICS.register_module()
class LandmarkMetric(MillimetreMetric):
    """Mean radial error of a task's points, by the official definition.

    Metrics: ``MRE`` in pixels of the original image; ``MRE_diagonal``, the error of each image divided by its diagonal,
    which makes images of different sizes comparable; and ``MRE_<point>`` for each point. ``MRE`` is averaged over the
    labelled points of an image, then over images; ``MRE_<point>`` over the images in which the point is labelled. Where
    the pixel spacing of images is known, also ``MRE_mm``, the same in mm over these images, and ``n_mm``, their number.
    Points that are not labelled have no row.

    Raises:
        DataError: If a sample has no true points, or none of them is labelled.
        ConfigError: If the points are not in original coordinates, the prediction is missing or has another
            number of points than the task.
    """

    task_type = 'landmark'
    columns = (
        Column('MRE', unit='px', higher_is_better=False),
        Column('MRE_diagonal', higher_is_better=False, brief=False),
        Column('MRE_mm', unit='mm', higher_is_better=False, digits=2, optional=True),
        MillimetreMetric.count,
    )
    headline = 'MRE'
    primary_text = '1 - MRE / image diagonal'
    row_columns = (
        Column('error', unit='px', higher_is_better=False, title='Distance of each point'),
        Column('error_mm', 'mm', higher_is_better=False, title='Distance of each point', digits=2, optional=True),
    )
    row_data = ('truth', 'pred')
    rows_per_image = 'labelled'

    def measure(self, sample: Mapping[str, Any]) -> list[ResultRow]:
        """Compute the error of each point; see :meth:`TaskMetric.measure`."""
        truth = annotation_in_original_coordinates(sample, 'gt_landmarks').double().cpu().numpy()
        pred = prediction(sample, 'pred_landmarks').double().cpu().numpy()
        if not pred.shape == truth.shape == (len(self.names), 2):
            raise ConfigError(
                f'task {sample.get("task")!r} has {len(self.names)} points, but the true ones have shape '
                f'{truth.shape} and the predicted ones {pred.shape} ({sample.get("img_path")})'
            )
        columns = dict(error=radial_errors(pred, truth), truth=truth, pred=pred)
        spacing = spacing_of(sample)
        if spacing is not None:
            columns['error_mm'] = radial_errors(pred, truth, spacing)
        is_labelled = ~np.isnan(truth).any(axis=1)
        if not is_labelled.any():
            raise DataError(f'no point of task {sample.get("task")!r} is labelled', file=sample.get('img_path'))
        return [
            self.row(sample, self.names[i], **{key: values[i].tolist() for key, values in columns.items()})
            for i in np.flatnonzero(is_labelled).tolist()
        ]

    @classmethod
    def aggregate(cls, images: Sequence[Sequence[ResultRow]], weights: Floats) -> dict[str, Floats]:
        """Average over points, then over images; see :meth:`TaskMetric.aggregate`."""
        names = [row.target for row in max(images, key=len)]
        names += sorted({row.target for rows in images for row in rows} - {*names})
        errors = cells_by_target(images, 'error', names)  # (N, K)
        of_image = np.nanmean(errors, axis=1)  # (N,)
        diagonals = np.array([rows[0].diagonal for rows in images])
        of_points = weighted_mean_of_known(errors, weights)  # (R, K)
        in_mm = np.array([np.mean([row.values.get('error_mm', np.nan) for row in rows]) for rows in images])  # (N,)
        scores_in_mm = {} if np.isnan(in_mm).all() else {'MRE_mm': weighted_mean_of_known(in_mm, weights)}
        return {
            'MRE': weighted_mean(of_image, weights),
            'MRE_diagonal': weighted_mean(of_image / diagonals, weights),
            **scores_in_mm,
            **{f'MRE_{name}': of_points[:, index] for index, name in enumerate(names)},
        }

    @classmethod
    def primary(cls, scores: Mapping[str, Any]) -> Any:
        """Return 1 minus the error in image diagonals, but at least 0; see :meth:`TaskMetric.primary`."""
        return np.maximum(0.0, 1.0 - scores['MRE_diagonal'])

    @classmethod
    def rank_by(cls, rows: Sequence[ResultRow]) -> tuple[float, ...]:
        """Rank by the error in image diagonals; see :meth:`TaskMetric.rank_by`."""
        return (-float(np.mean([row['error'] for row in rows])) / rows[0].diagonal,)

    @classmethod
    def check(cls, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Check the points; see :meth:`TaskMetric.check`."""
        super().check(rows, names)
        for row in rows:
            for name in cls.row_data:
                if not are_numbers(row[name], 2):
                    raise ValueError(f'{name} is {row[name]!r}, not a point [x, y]')

    @classmethod
    def restore(cls, sample: Any, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Set the true and the predicted points, nan where a point has no row; see :meth:`TaskMetric.restore`."""
        of_point = {row.target: row for row in rows}
        for field, key in (('gt_landmarks', 'truth'), ('pred_landmarks', 'pred')):
            points = points_array(of_point[name][key] if name in of_point else None for name in names)
            setattr(sample, field, torch.from_numpy(points).float())
