from aurora_mm.models.balancers.loss_balancer import LossBalancer
from aurora_mm.models.balancers.selective_loss_balancer import SelectiveLossBalancer
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker

__all__ = ['LossBalancer', 'SelectiveLossBalancer', 'TaskLossTracker']
