from aurora_mm.models.heads.base_detection_head import BaseDetectionHead
from aurora_mm.models.heads.base_mask_head import BaseMaskHead
from aurora_mm.models.heads.base_pooled_head import BasePooledHead
from aurora_mm.models.heads.base_task_head import BaseTaskHead
from aurora_mm.models.heads.classification_head import ClassificationHead
from aurora_mm.models.heads.dense_detection_head import DenseDetectionHead
from aurora_mm.models.heads.grid_detection_head import GridDetectionHead
from aurora_mm.models.heads.heatmap_landmark_head import HeatmapLandmarkHead
from aurora_mm.models.heads.landmark_head import LandmarkHead
from aurora_mm.models.heads.mmdet_detector_head import MMDetDetectorHead
from aurora_mm.models.heads.mmdet_head import MMDetHead
from aurora_mm.models.heads.mmseg_head import MMSegHead
from aurora_mm.models.heads.mmseg_segmentor_head import MMSegSegmentorHead
from aurora_mm.models.heads.multi_label_head import MultiLabelHead
from aurora_mm.models.heads.multi_label_segmentation_head import MultiLabelSegmentationHead
from aurora_mm.models.heads.scalar_regression_head import ScalarRegressionHead
from aurora_mm.models.heads.segmentation_head import SegmentationHead
from aurora_mm.models.heads.tasks_alike import for_tasks_alike
from aurora_mm.models.heads.wrap_foreign_head import wrap_foreign_head

__all__ = [
    'BaseDetectionHead',
    'BaseMaskHead',
    'BasePooledHead',
    'BaseTaskHead',
    'ClassificationHead',
    'DenseDetectionHead',
    'GridDetectionHead',
    'HeatmapLandmarkHead',
    'LandmarkHead',
    'MMDetDetectorHead',
    'MMDetHead',
    'MMSegHead',
    'MMSegSegmentorHead',
    'MultiLabelHead',
    'MultiLabelSegmentationHead',
    'ScalarRegressionHead',
    'SegmentationHead',
    'for_tasks_alike',
    'wrap_foreign_head',
]
