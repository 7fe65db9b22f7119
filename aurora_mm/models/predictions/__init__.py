from aurora_mm.models.predictions.box_prediction import BoxPrediction
from aurora_mm.models.predictions.label_prediction import LabelPrediction
from aurora_mm.models.predictions.landmark_prediction import LandmarkPrediction
from aurora_mm.models.predictions.mask_prediction import MaskPrediction
from aurora_mm.models.predictions.multi_label_mask_prediction import MultiLabelMaskPrediction
from aurora_mm.models.predictions.multi_label_prediction import MultiLabelPrediction
from aurora_mm.models.predictions.prediction import PREDICTIONS, Prediction, prediction_of
from aurora_mm.models.predictions.value_prediction import ValuePrediction

__all__ = [
    'PREDICTIONS',
    'BoxPrediction',
    'LabelPrediction',
    'LandmarkPrediction',
    'MaskPrediction',
    'MultiLabelMaskPrediction',
    'MultiLabelPrediction',
    'Prediction',
    'ValuePrediction',
    'prediction_of',
]
