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
from aurora_mm.evaluation.score_report import score_report
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
    'TaskMetric',
    'aggregate_scores',
    'nested_scores',
    'score_report',
    'score_tables',
]
