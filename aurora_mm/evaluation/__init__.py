from aurora_mm.evaluation.constant_predictor import ConstantPredictor
from aurora_mm.evaluation.metrics import (
    BoxIoUMetric,
    ClassificationMetric,
    ForeignMetric,
    LandmarkMetric,
    SegmentationMetric,
    TaskMetric,
)
from aurora_mm.evaluation.multi_task_evaluator import MultiTaskEvaluator
from aurora_mm.evaluation.per_image import TargetResult, read_per_image, rows_by_image, write_per_image
from aurora_mm.evaluation.score_table import score_tables
from aurora_mm.evaluation.scores import aggregate_scores, nested_scores

__all__ = [
    'BoxIoUMetric',
    'ClassificationMetric',
    'ConstantPredictor',
    'ForeignMetric',
    'LandmarkMetric',
    'MultiTaskEvaluator',
    'SegmentationMetric',
    'TargetResult',
    'TaskMetric',
    'aggregate_scores',
    'nested_scores',
    'read_per_image',
    'rows_by_image',
    'score_tables',
    'write_per_image',
]
