from aurora_mm.evaluation.functional.agreement import agreement
from aurora_mm.evaluation.functional.box_matching import average_precision, match_boxes
from aurora_mm.evaluation.functional.boxes import box_iou, pairwise_iou
from aurora_mm.evaluation.functional.classification import (
    ClassCounts,
    accuracy,
    auc_of_classes,
    count_classes,
    f1_macro,
    f1_weighted,
    mcc,
)
from aurora_mm.evaluation.functional.hausdorff import hausdorff_distance
from aurora_mm.evaluation.functional.landmarks import radial_errors
from aurora_mm.evaluation.functional.masks import dice, resize_mask
from aurora_mm.evaluation.functional.mean_of_defined import mean_of_defined
from aurora_mm.evaluation.functional.multi_label import average_precision_of_label, f1_of_label
from aurora_mm.evaluation.functional.surface import hd95_and_nsd, surface_distances
from aurora_mm.evaluation.functional.weighted_mean import weighted_mean, weighted_mean_of_known

__all__ = [
    'ClassCounts',
    'accuracy',
    'agreement',
    'auc_of_classes',
    'average_precision',
    'average_precision_of_label',
    'box_iou',
    'count_classes',
    'dice',
    'f1_macro',
    'f1_of_label',
    'f1_weighted',
    'hausdorff_distance',
    'hd95_and_nsd',
    'match_boxes',
    'mcc',
    'mean_of_defined',
    'pairwise_iou',
    'radial_errors',
    'resize_mask',
    'surface_distances',
    'weighted_mean',
    'weighted_mean_of_known',
]
