from aurora_mm.models.backbones import Qwen3VLBackbone
from aurora_mm.models.balancers import (
    EMALossBalancer,
    FAMOLossBalancer,
    FixedLossBalancer,
    IGBLossBalancer,
    LossBalancer,
    SelectiveLossBalancer,
    TaskLossTracker,
    UncertaintyLossBalancer,
)
from aurora_mm.models.codecs import GridBoxCodec
from aurora_mm.models.heads import (
    BaseTaskHead,
    ClassificationHead,
    GridDetectionHead,
    LandmarkHead,
    SegmentationHead,
)
from aurora_mm.models.multi_task_model import MultiTaskModel
from aurora_mm.models.necks import TokenPyramid

__all__ = [
    'BaseTaskHead',
    'ClassificationHead',
    'EMALossBalancer',
    'FAMOLossBalancer',
    'FixedLossBalancer',
    'GridBoxCodec',
    'GridDetectionHead',
    'IGBLossBalancer',
    'LandmarkHead',
    'LossBalancer',
    'MultiTaskModel',
    'Qwen3VLBackbone',
    'SegmentationHead',
    'SelectiveLossBalancer',
    'TaskLossTracker',
    'TokenPyramid',
    'UncertaintyLossBalancer',
]
