from aurora_mm.structures.mask_view import MaskView, MaskViews
from aurora_mm.structures.multi_task_data_sample import MultiTaskDataSample, task_samples_of
from aurora_mm.structures.task_batch import TaskBatch
from aurora_mm.structures.task_data_sample import TaskDataSample
from aurora_mm.structures.to_host import to_host

__all__ = ['MaskView', 'MaskViews', 'MultiTaskDataSample', 'TaskBatch', 'TaskDataSample', 'task_samples_of', 'to_host']
