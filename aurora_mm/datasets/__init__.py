from aurora_mm.datasets.class_balanced_task_dataset import ClassBalancedTaskDataset
from aurora_mm.datasets.class_folder_dataset import ClassFolderDataset
from aurora_mm.datasets.coco_keypoint_dataset import CocoKeypointDataset
from aurora_mm.datasets.concat_task_dataset import ConcatTaskDataset
from aurora_mm.datasets.fmc_uia_dataset import FMCUIADataset
from aurora_mm.datasets.image_folder_dataset import ImageFolderDataset
from aurora_mm.datasets.repeat_task_dataset import RepeatTaskDataset
from aurora_mm.datasets.samplers import SeededSampler, TaskAwareBatchSampler
from aurora_mm.datasets.task_dataset import TaskDataset

__all__ = [
    'ClassBalancedTaskDataset',
    'ClassFolderDataset',
    'CocoKeypointDataset',
    'ConcatTaskDataset',
    'FMCUIADataset',
    'ImageFolderDataset',
    'RepeatTaskDataset',
    'SeededSampler',
    'TaskAwareBatchSampler',
    'TaskDataset',
]
