from aurora_mm.structures.example_sample import EXAMPLES, example_sample
from aurora_mm.structures.mask_view import MaskView, MaskViews
from aurora_mm.structures.multi_task_data_sample import MultiTaskDataSample, task_samples_of
from aurora_mm.structures.points_array import points_array
from aurora_mm.structures.task_batch import TaskBatch
from aurora_mm.structures.task_data_sample import IGNORED, LABEL_THRESHOLD, TaskDataSample
from aurora_mm.structures.transfer import to_host

__all__ = [
    'EXAMPLES',
    'IGNORED',
    'LABEL_THRESHOLD',
    'MaskView',
    'MaskViews',
    'MultiTaskDataSample',
    'TaskBatch',
    'TaskDataSample',
    'example_sample',
    'points_array',
    'task_samples_of',
    'to_host',
]
