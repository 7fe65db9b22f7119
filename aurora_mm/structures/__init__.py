from aurora_mm.structures.mask_view import MaskView
from aurora_mm.structures.multi_task_data_sample import MultiTaskDataSample

__all__ = ['MaskView', 'MultiTaskDataSample']
