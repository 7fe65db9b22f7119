from aurora_mm.evaluation.metrics.box_iou_metric import BoxIoUMetric
from aurora_mm.evaluation.metrics.classification_metric import ClassificationMetric
from aurora_mm.evaluation.metrics.foreign_metric import ForeignMetric
from aurora_mm.evaluation.metrics.landmark_metric import LandmarkMetric
from aurora_mm.evaluation.metrics.segmentation_metric import SegmentationMetric
from aurora_mm.evaluation.metrics.task_metric import TaskMetric

__all__ = [
    'BoxIoUMetric',
    'ClassificationMetric',
    'ForeignMetric',
    'LandmarkMetric',
    'SegmentationMetric',
    'TaskMetric',
]
