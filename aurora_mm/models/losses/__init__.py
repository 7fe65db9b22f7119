from aurora_mm.models.losses.box import aligned_iou
from aurora_mm.models.losses.segmentation import dice_loss, weighted_cross_entropy

__all__ = ['aligned_iou', 'dice_loss', 'weighted_cross_entropy']
