from aurora_mm.evaluation.submission.problems import Problem, problem_table
from aurora_mm.evaluation.submission.scorer import SubmissionScores, score_submission
from aurora_mm.evaluation.submission.writer import SubmissionWriter

__all__ = ['Problem', 'SubmissionScores', 'SubmissionWriter', 'problem_table', 'score_submission']
