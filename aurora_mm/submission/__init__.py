"""The files of a submission to FMC-UIA, and the challenge's scorer."""

from aurora_mm.submission.mask_files import MaskFiles
from aurora_mm.submission.prediction_lists import ClassificationList, DetectionList, LandmarkList
from aurora_mm.submission.problems import Problem, problem_table
from aurora_mm.submission.scorer import SubmissionScores, score_submission
from aurora_mm.submission.submission_format import (
    SUBMISSION_FORMATS,
    SubmissionFormat,
    require_submission_formats,
)
from aurora_mm.submission.writer import SubmissionWriter

__all__ = [
    'SUBMISSION_FORMATS',
    'ClassificationList',
    'DetectionList',
    'LandmarkList',
    'MaskFiles',
    'Problem',
    'SubmissionFormat',
    'SubmissionScores',
    'SubmissionWriter',
    'problem_table',
    'require_submission_formats',
    'score_submission',
]
