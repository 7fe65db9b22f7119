from aurora_mm.models.backbones import Qwen3VLBackbone
from aurora_mm.models.balancers import LossBalancer, SelectiveLossBalancer, TaskLossTracker
from aurora_mm.models.codecs import GridBoxCodec
from aurora_mm.models.heads import (
    BaseTaskHead,
    ClassificationHead,
    GridDetectionHead,
    LandmarkHead,
    SegmentationHead,
)
from aurora_mm.models.interop import AuroraDecodeHead, AuroraDenseHead, MMDetHead, MMSegHead
from aurora_mm.models.multi_task_model import MultiTaskModel
from aurora_mm.models.necks import TokenPyramid

__all__ = [
    'AuroraDecodeHead',
    'AuroraDenseHead',
    'BaseTaskHead',
    'ClassificationHead',
    'GridBoxCodec',
    'GridDetectionHead',
    'LandmarkHead',
    'LossBalancer',
    'MMDetHead',
    'MMSegHead',
    'MultiTaskModel',
    'Qwen3VLBackbone',
    'SegmentationHead',
    'SelectiveLossBalancer',
    'TaskLossTracker',
    'TokenPyramid',
]
