"""The metric of landmark tasks: distance of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.functional import radial_errors, weighted_mean, weighted_mean_of_known
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.evaluation.metrics.millimetre_metric import MillimetreMetric, spacing_of
from aurora_mm.evaluation.metrics.result_row import ResultRow, are_numbers, cell_matrix, known_cells
from aurora_mm.evaluation.metrics.task_metric import Floats
from aurora_mm.evaluation.sample_fields import annotation_in_original_coordinates, prediction
from aurora_mm.registry import METRICS


@METRICS.register_module()
class LandmarkMetric(MillimetreMetric):
    """Mean radial error of a task's points, by the official definition.

    Metrics: ``MRE`` in pixels of the original image; ``MRE_diagonal``, the error of each image divided by its diagonal,
    which makes images of different sizes comparable; and ``MRE_<point>`` for each point. ``MRE`` is averaged over the
    points of an image, then over images. Where the pixel spacing of images is known, also ``MRE_mm``, the same in mm
    over these images, and ``n_mm``, their number.

    Raises:
        DataError: If a sample has no true points.
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
    rows_per_image = 'each'

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
        points = zip(*(values.tolist() for values in columns.values()), strict=True)
        return [
            self.row(sample, name, **dict(zip(columns, values, strict=True)))
            for name, values in zip(self.names, points, strict=True)
        ]

    @classmethod
    def aggregate(cls, images: Sequence[Sequence[ResultRow]], weights: Floats) -> dict[str, Floats]:
        """Average over points, then over images; see :meth:`TaskMetric.aggregate`."""
        errors = cell_matrix(images, 'error')  # (N, K)
        diagonals = np.array([rows[0].diagonal for rows in images])
        of_points = weighted_mean(errors, weights)  # (R, K)
        in_mm = known_cells(images, 'error_mm').mean(axis=1)  # (N,)
        scores_in_mm = {} if np.isnan(in_mm).all() else {'MRE_mm': weighted_mean_of_known(in_mm, weights)}
        return {
            'MRE': weighted_mean(errors.mean(axis=1), weights),
            'MRE_diagonal': weighted_mean(errors.mean(axis=1) / diagonals, weights),
            **scores_in_mm,
            **{f'MRE_{row.target}': of_points[:, index] for index, row in enumerate(images[0])},
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
        """Check that every point has a row; see :meth:`TaskMetric.check`."""
        super().check(rows, names)
        for row in rows:
            for name in cls.row_data:
                if not are_numbers(row[name], 2):
                    raise ValueError(f'{name} is {row[name]!r}, not a point [x, y]')

    @classmethod
    def restore(cls, sample: Any, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Set the true and the predicted points; see :meth:`TaskMetric.restore`."""
        of_point = {row.target: row for row in rows}
        sample.gt_landmarks = torch.tensor([of_point[name]['truth'] for name in names], dtype=torch.float32)
        sample.pred_landmarks = torch.tensor([of_point[name]['pred'] for name in names], dtype=torch.float32)
