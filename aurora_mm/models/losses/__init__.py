from aurora_mm.models.losses.box import aligned_giou, aligned_iou
from aurora_mm.models.losses.focal import quality_focal_loss
from aurora_mm.models.losses.segmentation import dice_loss, weighted_cross_entropy

__all__ = ['aligned_giou', 'aligned_iou', 'dice_loss', 'quality_focal_loss', 'weighted_cross_entropy']
