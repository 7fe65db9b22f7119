from aurora_mm.datasets.fmc_uia import FMCUIADataset
from aurora_mm.datasets.samplers import TaskAwareBatchSampler

__all__ = ['FMCUIADataset', 'TaskAwareBatchSampler']
