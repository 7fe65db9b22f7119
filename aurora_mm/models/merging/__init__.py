from aurora_mm.models.merging.box_fusion import fuse_boxes
from aurora_mm.models.merging.ensemble_model import EnsembleModel
from aurora_mm.models.merging.merge_predictions import merge_predictions
from aurora_mm.models.merging.multi_task_tta_model import MultiTaskTTAModel

__all__ = ['EnsembleModel', 'MultiTaskTTAModel', 'fuse_boxes', 'merge_predictions']
