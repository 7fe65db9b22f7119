from aurora_mm.evaluation.functional.boxes import box_iou, pairwise_iou
from aurora_mm.evaluation.functional.classification import accuracy, auc, f1_macro, f1_weighted, mcc
from aurora_mm.evaluation.functional.hausdorff import hausdorff_distance
from aurora_mm.evaluation.functional.landmarks import mean_radial_error
from aurora_mm.evaluation.functional.masks import resize_mask
from aurora_mm.evaluation.functional.overlap import dice

__all__ = [
    'accuracy',
    'auc',
    'box_iou',
    'dice',
    'f1_macro',
    'f1_weighted',
    'hausdorff_distance',
    'mcc',
    'mean_radial_error',
    'pairwise_iou',
    'resize_mask',
]
