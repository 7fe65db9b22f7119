from aurora_mm.evaluation.functional.boxes import box_iou, pairwise_iou
from aurora_mm.evaluation.functional.classification import accuracy, auc, auc_of_present, f1_macro, f1_weighted, mcc
from aurora_mm.evaluation.functional.hausdorff import hausdorff_distance
from aurora_mm.evaluation.functional.landmarks import mean_radial_error, radial_errors
from aurora_mm.evaluation.functional.masks import resize_mask
from aurora_mm.evaluation.functional.overlap import dice
from aurora_mm.evaluation.functional.surface import hd95_and_nsd, surface_distances

__all__ = [
    'accuracy',
    'auc',
    'auc_of_present',
    'box_iou',
    'dice',
    'f1_macro',
    'f1_weighted',
    'hausdorff_distance',
    'hd95_and_nsd',
    'mcc',
    'mean_radial_error',
    'pairwise_iou',
    'radial_errors',
    'resize_mask',
    'surface_distances',
]
