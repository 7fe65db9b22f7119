"""A type of task of its own: gestational age in weeks, one number for an image."""

from aurora_mm.annotations import ANNOTATIONS, Annotation
from aurora_mm.challenge.csv_cells import number
from aurora_mm.evaluation import Column, TaskMetric
from aurora_mm.evaluation.sample_fields import annotation, prediction
from aurora_mm.registry import METRICS
from aurora_mm.task_types import TaskType, register_task_type

register_task_type(TaskType('age', metric='AgeMetric'))


class AgeAnnotation(Annotation):
    keys = csv_columns = ('weeks',)

    def parse(self, cells, task, files):
        return {'weeks': number('weeks', cells['weeks'])}

    def pack(self, row, sample):
        sample.gt_age = row['weeks']


ANNOTATIONS['age'] = AgeAnnotation()


@METRICS.register_module()
class AgeMetric(TaskMetric):
    task_type = 'age'
    columns = row_columns = (Column('MAE', unit='weeks', higher_is_better=False, title='Error of each image'),)
    headline = 'MAE'
    primary_text = '1 / (1 + MAE / 10 weeks)'

    def measure(self, sample):
        error = abs(float(prediction(sample, 'pred_age')) - float(annotation(sample, 'gt_age')))
        return [self.row(sample, self.names[0], MAE=error)]

    @classmethod
    def primary(cls, scores):
        return 1 / (1 + scores['MAE'] / 10)
