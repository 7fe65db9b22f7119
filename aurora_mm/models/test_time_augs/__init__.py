from aurora_mm.models.test_time_augs.ensemble_model import EnsembleModel
from aurora_mm.models.test_time_augs.merge_predictions import merge_predictions
from aurora_mm.models.test_time_augs.multi_task_tta_model import MultiTaskTTAModel

__all__ = ['EnsembleModel', 'MultiTaskTTAModel', 'merge_predictions']
