"""A metric for segmentation tasks: how wrong the area of each class is."""

from aurora_mm.evaluation import Column, TaskMetric
from aurora_mm.evaluation.sample_fields import annotation_in_original_coordinates, prediction
from aurora_mm.registry import METRICS


@METRICS.register_module()
class AreaMetric(TaskMetric):
    """Difference between predicted and true area, as a share of the image."""

    task_type = 'segmentation'
    columns = row_columns = (Column('area_error', higher_is_better=False, title='Error of the area'),)
    headline = 'area_error'
    primary_text = '1 - area_error'

    def measure(self, sample):
        truth = annotation_in_original_coordinates(sample, 'gt_sem_seg')['data']
        pred = prediction(sample, 'pred_sem_seg')['data']
        return [
            self.row(sample, name, area_error=abs(float((pred == i).sum() - (truth == i).sum())) / truth.numel())
            for i, name in enumerate(self.names[1:], start=1)
        ]

    @classmethod
    def primary(cls, scores):
        return 1 - scores['area_error']
