"""The metric of tasks whose images have any number of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.functional import auc_of_classes, average_precision_of_label, f1_of_label, mean_of_defined
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.evaluation.metrics.result_row import ResultRow, cell_matrix, is_number
from aurora_mm.evaluation.metrics.task_metric import Floats, TaskMetric
from aurora_mm.evaluation.sample_fields import annotation, prediction
from aurora_mm.registry import METRICS
from aurora_mm.structures import LABEL_THRESHOLD


@METRICS.register_module()
class MultiLabelMetric(TaskMetric):
    """AUC, average precision and F1 of each class, over all images of a task, by scikit-learn's definitions.

    Metrics, all in [0, 1]: ``AUC`` and ``mAP``, the means over the classes for which they are defined, which need an
    image of the class, and for AUC also one without it; ``F1``, the mean over all classes, of predictions with a
    probability of 0.5 or more; and ``AUC_<class>``, ``AP_<class>`` and ``F1_<class>`` of each class.

    An image has a row for each class. The number of a row is ``certainty``, the predicted probability of what is true.

    ``gt_coordinates`` is not checked, because classes do not depend on coordinates.

    Raises:
        DataError: If a sample has no annotation.
        ConfigError: If a prediction is missing or has another number of classes than the task.
    """

    task_type = 'multi_label_classification'
    columns = (Column('AUC'), Column('mAP'), Column('F1'))
    headline = 'AUC'
    row_columns = (Column('certainty', title='Probability of what is true'),)
    row_data = ('truth', 'pred')
    rows_per_image = 'each'

    def measure(self, sample: Mapping[str, Any]) -> list[ResultRow]:
        """Keep truth and probability of each class; see :meth:`TaskMetric.measure`."""
        truth = annotation(sample, 'gt_scores')
        pred = prediction(sample, 'pred_scores').double().cpu()
        if not truth.shape == pred.shape == (len(self.names),):
            raise ConfigError(
                f'task {sample.get("task")!r} has {len(self.names)} classes, but gt_scores has shape '
                f'{tuple(truth.shape)} and pred_scores {tuple(pred.shape)}'
            )
        triples = zip(self.names, truth.int().tolist(), pred.tolist(), strict=True)
        return [self.row(sample, n, certainty=p if t else 1 - p, truth=t, pred=p) for n, t, p in triples]

    @classmethod
    def aggregate(cls, images: Sequence[Sequence[ResultRow]], weights: Floats) -> dict[str, Floats]:
        """Compute the scores of all images together; see :meth:`TaskMetric.aggregate`."""
        truth, pred = cell_matrix(images, 'truth').astype(int), cell_matrix(images, 'pred').astype(float)  # (N, C)
        of_class: dict[str, list[Floats]] = {'AUC': [], 'AP': [], 'F1': []}
        for t, p in zip(truth.T, pred.T, strict=True):
            of_class['AUC'].append(auc_of_classes(t, np.stack([1 - p, p], axis=1), weights)[:, 0])
            of_class['AP'].append(average_precision_of_label(t == 1, p, weights))
            of_class['F1'].append(f1_of_label(t == 1, p >= LABEL_THRESHOLD, weights))
        means = {name: mean_of_defined(np.array(values)) for name, values in of_class.items()}
        names = [row.target for row in images[0]]
        return {
            'AUC': means['AUC'],
            'mAP': means['AP'],
            'F1': means['F1'],
            **{f'{key}_{names[i]}': value for key, values in of_class.items() for i, value in enumerate(values)},
        }

    @classmethod
    def describe(cls, rows: Sequence[ResultRow]) -> str:
        """Describe the true classes and the probability of each class; see :meth:`TaskMetric.describe`."""
        true = ', '.join(row.target for row in rows if row['truth']) or 'none'
        found = ', '.join(f'{row.target} {row["pred"]:.2f}' for row in rows)
        return f'true: {true}; predicted: {found}'

    @classmethod
    def check(cls, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Check that there is a row for each class, with a probability; see :meth:`TaskMetric.check`."""
        super().check(rows, names)
        for row in rows:
            if type(row['truth']) is not int or row['truth'] not in (0, 1):
                raise ValueError(f'truth is {row["truth"]!r}, neither 0 nor 1')
            if not is_number(row['pred']):
                raise ValueError(f'pred is {row["pred"]!r}, not a probability')

    @classmethod
    def restore(cls, sample: Any, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Set the true classes and the probabilities; see :meth:`TaskMetric.restore`."""
        sample.gt_scores = torch.tensor([float(row['truth']) for row in rows])
        sample.pred_scores = torch.tensor([row['pred'] for row in rows])
