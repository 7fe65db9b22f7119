"""The metric of tasks that predict a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.functional import agreement
from aurora_mm.evaluation.metrics.column import TASK_UNIT, Column
from aurora_mm.evaluation.metrics.result_row import ResultRow, is_number
from aurora_mm.evaluation.metrics.task_metric import Floats, TaskMetric
from aurora_mm.evaluation.sample_fields import annotation, prediction
from aurora_mm.registry import METRICS


@METRICS.register_module()
class RegressionMetric(TaskMetric):
    """Errors and agreement of predicted numbers over all images of a task.

    Metrics: ``MAE``, ``RMSE``, ``bias`` and the limits of agreement ``LoA_low`` and ``LoA_high`` in the unit of the
    task; ``R2``, ``Pearson`` and ``ICC`` without unit. See :func:`aurora_mm.evaluation.functional.agreement`.

    ``gt_coordinates`` is not checked, because a number does not depend on coordinates.

    Raises:
        DataError: If a sample has no true number.
        ConfigError: If a prediction is missing or not finite.
    """

    task_type = 'scalar_regression'
    columns = (
        Column('MAE', unit=TASK_UNIT, higher_is_better=False, digits=2),
        Column('RMSE', unit=TASK_UNIT, higher_is_better=False, digits=2),
        Column('R2'),
        Column('Pearson', brief=False),
        Column('ICC'),
        Column('bias', unit=TASK_UNIT, higher_is_better=False, brief=False, digits=2),
        Column('LoA_low', unit=TASK_UNIT, brief=False, digits=2),
        Column('LoA_high', unit=TASK_UNIT, higher_is_better=False, brief=False, digits=2),
    )
    headline = 'MAE'
    primary_text = 'R2, but at least 0'
    row_columns = (Column('error', unit=TASK_UNIT, higher_is_better=False, title='Error of each image', digits=2),)
    row_data = ('truth', 'pred')
    rows_per_image = 'one'
    has_agreement = True

    def measure(self, sample: Mapping[str, Any]) -> list[ResultRow]:
        """Keep the true and the predicted number; see :meth:`TaskMetric.measure`."""
        truth = float(annotation(sample, 'gt_value'))
        pred = float(prediction(sample, 'pred_value'))
        if not np.isfinite(pred):
            raise ConfigError(f'task {sample.get("task")!r}: pred_value of {sample.get("img_path")} is {pred}')
        return [self.row(sample, self.names[0], error=abs(pred - truth), truth=truth, pred=pred)]

    @classmethod
    def aggregate(cls, images: Sequence[Sequence[ResultRow]], weights: Floats) -> dict[str, Floats]:
        """Compute the scores of all images together; see :meth:`TaskMetric.aggregate`."""
        truth, pred = (np.array([row[name] for (row,) in images], float) for name in cls.row_data)
        return agreement(truth, pred, weights)

    @classmethod
    def primary(cls, scores: Mapping[str, Any]) -> Any:
        """Return ``R2``, but at least 0: what is no better than the mean of the truth is worth nothing."""
        return np.maximum(0.0, scores['R2'])

    @classmethod
    def describe(cls, rows: Sequence[ResultRow]) -> str:
        """Describe the true and the predicted number; see :meth:`TaskMetric.describe`."""
        (row,) = rows
        return f'{row.target} {row["truth"]:.4g} taken for {row["pred"]:.4g}'

    @classmethod
    def caption(cls, rows: Sequence[ResultRow]) -> str:
        """Return the numbers as text; see :meth:`TaskMetric.caption`."""
        return cls.describe(rows)

    @classmethod
    def check(cls, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Check that there is one row, with numbers; see :meth:`TaskMetric.check`."""
        super().check(rows, names)
        for name in cls.row_data:
            if not is_number(rows[0][name]):
                raise ValueError(f'{name} is {rows[0][name]!r}, not a number')

    @classmethod
    def restore(cls, sample: Any, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Set the true and the predicted number; see :meth:`TaskMetric.restore`."""
        (row,) = rows
        sample.gt_value = torch.tensor([row['truth']], dtype=torch.float64)
        sample.pred_value = torch.tensor([row['pred']], dtype=torch.float64)
