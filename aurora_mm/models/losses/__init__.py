from aurora_mm.models.losses.balanced_binary_cross_entropy_loss import BalancedBinaryCrossEntropyLoss
from aurora_mm.models.losses.balanced_cross_entropy_loss import BalancedCrossEntropyLoss
from aurora_mm.models.losses.class_loss import ClassLoss
from aurora_mm.models.losses.coordinate_loss import CoordinateLoss
from aurora_mm.models.losses.foreground_dice_loss import ForegroundDiceLoss
from aurora_mm.models.losses.head_loss import HeadLoss
from aurora_mm.models.losses.heatmap_loss import HeatmapLoss
from aurora_mm.models.losses.label_loss import LabelLoss
from aurora_mm.models.losses.mask_loss import MaskLoss
from aurora_mm.models.losses.overlap_losses import GIoULoss, LinearIoULoss
from aurora_mm.models.losses.quality_focal_loss import QualityFocalLoss
from aurora_mm.models.losses.score_loss import ScoreLoss

__all__ = [
    'BalancedBinaryCrossEntropyLoss',
    'BalancedCrossEntropyLoss',
    'ClassLoss',
    'CoordinateLoss',
    'ForegroundDiceLoss',
    'GIoULoss',
    'HeadLoss',
    'HeatmapLoss',
    'LabelLoss',
    'LinearIoULoss',
    'MaskLoss',
    'QualityFocalLoss',
    'ScoreLoss',
]
