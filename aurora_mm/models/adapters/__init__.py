from aurora_mm.models.adapters.task_adapter import TaskAdapter
from aurora_mm.models.adapters.task_bottleneck_adapter import TaskBottleneckAdapter
from aurora_mm.models.adapters.task_film import TaskFiLM

__all__ = ['TaskAdapter', 'TaskBottleneckAdapter', 'TaskFiLM']
