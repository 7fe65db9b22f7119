from aurora_mm.models.balancers.ema_loss_balancer import EMALossBalancer
from aurora_mm.models.balancers.famo_loss_balancer import FAMOLossBalancer
from aurora_mm.models.balancers.fixed_loss_balancer import FixedLossBalancer
from aurora_mm.models.balancers.gradient_norm_balancer import GradientNormBalancer
from aurora_mm.models.balancers.igb_loss_balancer import IGBLossBalancer
from aurora_mm.models.balancers.loss_balancer import LossBalancer
from aurora_mm.models.balancers.selective_loss_balancer import SelectiveLossBalancer
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.models.balancers.task_losses import TaskLosses
from aurora_mm.models.balancers.uncertainty_loss_balancer import UncertaintyLossBalancer

__all__ = [
    'EMALossBalancer',
    'FAMOLossBalancer',
    'FixedLossBalancer',
    'GradientNormBalancer',
    'IGBLossBalancer',
    'LossBalancer',
    'SelectiveLossBalancer',
    'TaskLossTracker',
    'TaskLosses',
    'UncertaintyLossBalancer',
]
