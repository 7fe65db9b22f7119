from aurora_mm.datasets.annotations.box_annotation import BoxAnnotation
from aurora_mm.datasets.annotations.label_annotation import LabelAnnotation
from aurora_mm.datasets.annotations.landmark_annotation import LandmarkAnnotation
from aurora_mm.datasets.annotations.mask_annotation import MaskAnnotation
from aurora_mm.datasets.annotations.multi_box_annotation import MultiBoxAnnotation
from aurora_mm.datasets.annotations.multi_label_annotation import MultiLabelAnnotation
from aurora_mm.datasets.annotations.multi_label_mask_annotation import MultiLabelMaskAnnotation
from aurora_mm.datasets.annotations.value_annotation import ValueAnnotation

__all__ = [
    'BoxAnnotation',
    'LabelAnnotation',
    'LandmarkAnnotation',
    'MaskAnnotation',
    'MultiBoxAnnotation',
    'MultiLabelAnnotation',
    'MultiLabelMaskAnnotation',
    'ValueAnnotation',
]
