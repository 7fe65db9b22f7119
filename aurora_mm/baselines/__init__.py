"""Baselines that do not look at the image, which a model must exceed."""

from aurora_mm.baselines.constant_answers import CONSTANT_ANSWERS, ConstantAnswer
from aurora_mm.baselines.constant_predictor import ConstantPredictor
from aurora_mm.baselines.score_constant_predictor import fit_constant_predictor, score_constant_predictor

__all__ = [
    'CONSTANT_ANSWERS',
    'ConstantAnswer',
    'ConstantPredictor',
    'fit_constant_predictor',
    'score_constant_predictor',
]
