from aurora_mm.evaluation.metrics.box_ap_metric import BoxAPMetric
from aurora_mm.evaluation.metrics.box_iou_metric import BoxIoUMetric
from aurora_mm.evaluation.metrics.classification_metric import ClassificationMetric
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.evaluation.metrics.foreign_metric import ForeignMetric
from aurora_mm.evaluation.metrics.landmark_metric import LandmarkMetric
from aurora_mm.evaluation.metrics.millimetre_metric import MillimetreMetric
from aurora_mm.evaluation.metrics.multi_label_metric import MultiLabelMetric
from aurora_mm.evaluation.metrics.multi_label_segmentation_metric import MultiLabelSegmentationMetric
from aurora_mm.evaluation.metrics.regression_metric import RegressionMetric
from aurora_mm.evaluation.metrics.result_row import ResultRow, cell_matrix, rows_by_image
from aurora_mm.evaluation.metrics.segmentation_metric import SegmentationMetric
from aurora_mm.evaluation.metrics.task_metric import TaskMetric, metric_of_row

__all__ = [
    'BoxAPMetric',
    'BoxIoUMetric',
    'ClassificationMetric',
    'Column',
    'ForeignMetric',
    'LandmarkMetric',
    'MillimetreMetric',
    'MultiLabelMetric',
    'MultiLabelSegmentationMetric',
    'RegressionMetric',
    'ResultRow',
    'SegmentationMetric',
    'TaskMetric',
    'cell_matrix',
    'metric_of_row',
    'rows_by_image',
]
