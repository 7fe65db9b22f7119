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
from aurora_mm.models.merging import EnsembleModel, MultiTaskTTAModel
from aurora_mm.models.multi_task_model import MultiTaskModel
from aurora_mm.models.necks import TokenPyramid

__all__ = [
    'BaseTaskHead',
    'ClassificationHead',
    'EnsembleModel',
    'GridBoxCodec',
    'GridDetectionHead',
    'LandmarkHead',
    'LossBalancer',
    'MultiTaskModel',
    'MultiTaskTTAModel',
    'Qwen3VLBackbone',
    'SegmentationHead',
    'SelectiveLossBalancer',
    'TaskLossTracker',
    'TokenPyramid',
]
