"""The metric of classification tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation.functional import (
    accuracy,
    auc_of_classes,
    count_classes,
    f1_macro,
    f1_weighted,
    mcc,
    mean_of_defined,
)
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.evaluation.metrics.result_row import ResultRow, are_numbers
from aurora_mm.evaluation.metrics.task_metric import Floats, TaskMetric
from aurora_mm.evaluation.sample_fields import annotation, prediction
from aurora_mm.registry import METRICS


@METRICS.register_module()
class ClassificationMetric(TaskMetric):
    """AUC, F1, accuracy and Matthews correlation over all images of a task, by the official definitions.

    Metrics: ``Accuracy``, ``AUC``, ``F1_macro`` and ``F1_weighted`` in [0, 1] and ``MCC`` in [-1, 1]. For two classes,
    ``AUC`` is that of class 1; for more, the macro mean of each class against the rest. It is nan, for which the
    official scorer takes 0, if a class has no image, or if the scores of an image, of more than two classes, do not
    sum to 1. ``AUC_present``, which is not part of the official score, is averaged over the classes that have images,
    and nan if there is only one.

    ``gt_coordinates`` is not checked, because a class does not depend on coordinates.

    Raises:
        DataError: If a sample has no true label, or one that is not a class of the task.
        ConfigError: If a prediction is missing or has another number of classes than the task.
    """

    task_type = 'classification'
    columns = (
        Column('Accuracy'),
        Column('AUC', undefined=0.0),
        Column('F1_macro'),
        Column('F1_weighted', brief=False),
        Column('MCC'),
        Column('AUC_present', brief=False),
    )
    headline = 'Accuracy'
    row_columns = ()
    row_data = ('truth', 'pred', 'probs')
    rows_per_image = 'one'

    def measure(self, sample: Mapping[str, Any]) -> list[ResultRow]:
        """Keep the true class, the predicted class and the probabilities; see :meth:`TaskMetric.measure`."""
        truth = int(annotation(sample, 'gt_label'))
        pred = int(prediction(sample, 'pred_label'))
        # Half precision is converted by torch, since NumPy does not support bfloat16.
        scores = prediction(sample, 'pred_scores').double().cpu().numpy()
        if not 0 <= truth < len(self.names):
            raise DataError(
                f'task {sample.get("task")!r}: label {truth} is none of its {len(self.names)} classes',
                file=sample.get('img_path'),
            )
        if scores.shape != (len(self.names),):
            raise ConfigError(
                f'task {sample.get("task")!r} has {len(self.names)} classes, but pred_scores has shape {scores.shape}'
            )
        return [self.row(sample, self.names[truth], truth=truth, pred=pred, probs=scores.tolist())]

    @classmethod
    def aggregate(cls, images: Sequence[Sequence[ResultRow]], weights: Floats) -> dict[str, Floats]:
        """Compute the scores of all images together; see :meth:`TaskMetric.aggregate`."""
        truth, pred, scores = (np.array([row[name] for (row,) in images]) for name in cls.row_data)
        areas = auc_of_classes(truth, scores, weights)  # (R, C), or (R, 1) of two classes
        counts = count_classes(truth, pred, weights)
        sum_to_1 = scores.shape[1] == 2 or np.allclose(scores.sum(axis=1), 1)
        undefined = np.full(len(weights), np.nan)
        return {
            'Accuracy': accuracy(counts),
            'AUC': areas.mean(axis=1) if sum_to_1 else undefined,
            'F1_macro': f1_macro(counts),
            'F1_weighted': f1_weighted(counts),
            'MCC': mcc(counts),
            'AUC_present': mean_of_defined(areas.T),
        }

    @classmethod
    def row_scores(cls, rows: Sequence[ResultRow]) -> dict[Column, float]:
        """Compute the recall, the fraction of right predictions among the images of a true class."""
        return {Column('Recall'): float(np.mean([row['truth'] == row['pred'] for row in rows]))}

    @classmethod
    def rank_by(cls, rows: Sequence[ResultRow]) -> tuple[float, ...]:
        """Rank by the probability of the true class; see :meth:`TaskMetric.rank_by`."""
        (row,) = rows
        return (float(row['probs'][row['truth']]),)

    @classmethod
    def describe(cls, rows: Sequence[ResultRow]) -> str:
        """Describe the true and the predicted class; see :meth:`TaskMetric.describe`."""
        (row,) = rows
        return f'class {row["truth"]} taken for {row["pred"]}, probability of the true class {cls.rank_by(rows)[0]:.3f}'

    @classmethod
    def caption(cls, rows: Sequence[ResultRow]) -> str:
        """Return the probability of the true class as text; see :meth:`TaskMetric.caption`."""
        return f'true class at {cls.rank_by(rows)[0]:.2f}'

    @classmethod
    def check(cls, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Check that there is one row, with classes and the probability of each; see :meth:`TaskMetric.check`."""
        super().check(rows, names)
        (row,) = rows
        if type(row['truth']) is not int or not 0 <= row['truth'] < len(names):
            raise ValueError(f'truth is {row["truth"]!r}, none of {len(names)} classes')
        if type(row['pred']) is not int or abs(row['pred']) >= 2**63:  # a submission may hold any label
            raise ValueError(f'pred is {row["pred"]!r}, not the index of a class')
        if row.target != names[row['truth']]:
            raise ValueError(f'target {row.target!r} is not class {row["truth"]}, {names[row["truth"]]!r}')
        if not are_numbers(row['probs'], len(names)):
            raise ValueError(f'probs is {row["probs"]!r}, not the probabilities of {len(names)} classes')

    @classmethod
    def restore(cls, sample: Any, rows: Sequence[ResultRow], names: Sequence[str]) -> None:
        """Set labels and probabilities; see :meth:`TaskMetric.restore`."""
        (row,) = rows
        sample.gt_label, sample.pred_label = torch.tensor([row['truth']]), torch.tensor([row['pred']])
        sample.pred_scores = torch.tensor(row['probs'])
