from aurora_mm.datasets.samplers.task_aware_batch_sampler import TaskAwareBatchSampler

__all__ = ['TaskAwareBatchSampler']
