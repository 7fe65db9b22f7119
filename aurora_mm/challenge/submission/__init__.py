from aurora_mm.challenge.submission.mask_files import MaskFiles
from aurora_mm.challenge.submission.prediction_lists import ClassificationList, DetectionList, LandmarkList
from aurora_mm.challenge.submission.problems import Problem, problem_table
from aurora_mm.challenge.submission.scorer import SubmissionScores, score_submission
from aurora_mm.challenge.submission.submission_format import (
    SUBMISSION_FORMATS,
    SubmissionFormat,
    require_submission_formats,
)
from aurora_mm.challenge.submission.writer import SubmissionWriter

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
