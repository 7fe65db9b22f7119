"""Scores of tasks.

The words of this package:

sample
    One image with annotation and prediction for one task, as the model hands it on and a metric measures it.
target
    What is measured in an image: each foreground class of a mask, a box, each point, or the label.
row
    What a metric keeps of one target of one image (:class:`ResultRow`): a row of ``per_image.csv``. ``images`` are
    lists of rows, one list for each image of a task.
score
    A number of a task, taken from the rows of its images, such as the DSC.
headline
    The score that a task is known by: DSC, accuracy, IoU, MRE.
primary score
    The headline as a number in [0, 1] of which more is better: itself, or 1 - MRE / image diagonal.
the score
    The mean over task types of the mean over their tasks of the primary score.

Elsewhere an *item* is what a data set holds of an image before it is loaded, a *record* a row of the challenge's CSV
files, an *entry* an element of a submission's JSON lists.
"""

from aurora_mm.evaluation.evaluation_result import EvaluationResult, TaskColumns, score_rows
from aurora_mm.evaluation.metrics import (
    BoxIoUMetric,
    ClassificationMetric,
    Column,
    ForeignMetric,
    LandmarkMetric,
    ResultRow,
    SegmentationMetric,
    TaskMetric,
)
from aurora_mm.evaluation.multi_task_evaluator import MultiTaskEvaluator
from aurora_mm.evaluation.per_image import read_per_image, write_per_image
from aurora_mm.evaluation.score_table import score_table
from aurora_mm.evaluation.scores import aggregate_scores, nested_scores

__all__ = [
    'BoxIoUMetric',
    'ClassificationMetric',
    'Column',
    'EvaluationResult',
    'ForeignMetric',
    'LandmarkMetric',
    'MultiTaskEvaluator',
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
