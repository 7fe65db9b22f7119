from aurora_mm.datasets.concat_task_dataset import ConcatTaskDataset
from aurora_mm.datasets.fmc_uia_dataset import FMCUIADataset
from aurora_mm.datasets.samplers import TaskAwareBatchSampler
from aurora_mm.datasets.task_dataset import TaskDataset

__all__ = ['ConcatTaskDataset', 'FMCUIADataset', 'TaskAwareBatchSampler', 'TaskDataset']
