"""Metrics, and the evaluator that computes the scores of all tasks.

Terms of this package (see the glossary in the documentation for the others):

sample
    One image with annotation and prediction for one task, which a metric measures.
target
    What is measured in an image: each foreground class of a mask, a box, each point, or the label.
row
    The measurement of one target in one image (:class:`ResultRow`), a row of ``per_image.csv``. ``images`` are lists of
    rows, one list for each image of a task.
score
    A number of a task, computed from the rows of its images, such as the DSC.
headline
    The score that represents a task: DSC, accuracy, IoU or MRE.
judge
    The metric that gives the headline of a task.
primary score
    A number in [0, 1] of which more is better: the headline itself, or 1 - MRE / image diagonal.
the score
    The mean of the primary scores over the tasks of each task type, averaged over task types.
"""

from aurora_mm.evaluation.evaluation_result import EvaluationResult, TaskColumns, score_rows
from aurora_mm.evaluation.metrics import (
    BoxAPMetric,
    BoxIoUMetric,
    ClassificationMetric,
    Column,
    ForeignMetric,
    LandmarkMetric,
    MillimetreMetric,
    MultiLabelMetric,
    MultiLabelSegmentationMetric,
    RegressionMetric,
    ResultRow,
    SegmentationMetric,
    TaskMetric,
)
from aurora_mm.evaluation.multi_task_evaluator import MultiTaskEvaluator
from aurora_mm.evaluation.per_image import read_per_image, write_per_image
from aurora_mm.evaluation.score_table import score_table
from aurora_mm.evaluation.scores import aggregate_scores, nested_scores

__all__ = [
    'BoxAPMetric',
    'BoxIoUMetric',
    'ClassificationMetric',
    'Column',
    'EvaluationResult',
    'ForeignMetric',
    'LandmarkMetric',
    'MillimetreMetric',
    'MultiTaskEvaluator',
    'MultiLabelMetric',
    'MultiLabelSegmentationMetric',
    'RegressionMetric',
    'ResultRow',
    'SegmentationMetric',
    'TaskColumns',
    'TaskMetric',
    'aggregate_scores',
    'nested_scores',
    'read_per_image',
    'score_rows',
    'score_table',
    'write_per_image',
]
