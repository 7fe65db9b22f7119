from aurora_mm.baselines.constant_answers.constant_answer import CONSTANT_ANSWERS, ConstantAnswer
from aurora_mm.baselines.constant_answers.constant_box import ConstantBox
from aurora_mm.baselines.constant_answers.constant_boxes import ConstantBoxes
from aurora_mm.baselines.constant_answers.constant_class_masks import ConstantClassMasks
from aurora_mm.baselines.constant_answers.constant_label import ConstantLabel
from aurora_mm.baselines.constant_answers.constant_labels import ConstantLabels
from aurora_mm.baselines.constant_answers.constant_mask import ConstantMask
from aurora_mm.baselines.constant_answers.constant_points import ConstantPoints
from aurora_mm.baselines.constant_answers.constant_scores import ConstantScores
from aurora_mm.baselines.constant_answers.constant_value import ConstantValue

__all__ = [
    'CONSTANT_ANSWERS',
    'ConstantAnswer',
    'ConstantBox',
    'ConstantBoxes',
    'ConstantClassMasks',
    'ConstantLabel',
    'ConstantLabels',
    'ConstantMask',
    'ConstantPoints',
    'ConstantScores',
    'ConstantValue',
]
