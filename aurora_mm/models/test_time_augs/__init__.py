from aurora_mm.models.test_time_augs.box_fusion import fuse_boxes
from aurora_mm.models.test_time_augs.ensemble_model import EnsembleModel
from aurora_mm.models.test_time_augs.merge_predictions import merge_predictions
from aurora_mm.models.test_time_augs.multi_task_tta_model import MultiTaskTTAModel

__all__ = ['EnsembleModel', 'MultiTaskTTAModel', 'fuse_boxes', 'merge_predictions']
