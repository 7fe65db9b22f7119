"""A type of task of its own: gestational age in weeks, one number for an image."""

import numpy as np

from aurora_mm.evaluation import Column, TaskMetric
from aurora_mm.evaluation.functional import weighted_mean
from aurora_mm.evaluation.metrics import cell_matrix
from aurora_mm.evaluation.sample_fields import annotation, prediction
from aurora_mm.registry import METRICS
from aurora_mm.task_types import TaskType, register_task_type

register_task_type(TaskType('age', metric='AgeMetric'))


@METRICS.register_module()
class AgeMetric(TaskMetric):
    """Mean absolute error in weeks."""

    task_type = 'age'
    columns = (Column('MAE', unit='weeks', higher_is_better=False),)
    headline = 'MAE'
    primary_text = '1 - MAE / 10 weeks'
    row_columns = (Column('error', unit='weeks', higher_is_better=False, title='Error of each image'),)
    row_data = ('truth', 'pred')

    def measure(self, sample):
        truth, pred = float(annotation(sample, 'gt_age')), float(prediction(sample, 'pred_age'))
        return [self.row(sample, self.names[0], error=abs(pred - truth), truth=truth, pred=pred)]

    @classmethod
    def aggregate(cls, images, weights):
        return {'MAE': weighted_mean(cell_matrix(images, 'error')[:, 0], weights)}

    @classmethod
    def primary(cls, scores):
        return np.maximum(0.0, 1 - scores['MAE'] / 10)
