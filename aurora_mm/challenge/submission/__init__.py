from aurora_mm.challenge.submission.problems import Problem, problem_table
from aurora_mm.challenge.submission.scorer import SubmissionScores, score_submission
from aurora_mm.challenge.submission.writer import SubmissionWriter

__all__ = ['Problem', 'SubmissionScores', 'SubmissionWriter', 'problem_table', 'score_submission']
