from aurora_mm.models.adapters import TaskAdapter, TaskBottleneckAdapter, TaskFiLM
from aurora_mm.models.backbones import BaseEncoder, ConvDetailBranch, HFBackbone, Qwen3VLBackbone, merge_lora
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
from aurora_mm.models.codecs import (
    BaseBoxCodec,
    BaseCodec,
    BaseLandmarkCodec,
    DenseBoxCodec,
    GridBoxCodec,
    HeatmapCodec,
)
from aurora_mm.models.heads import (
    BaseDetectionHead,
    BaseTaskHead,
    ClassificationHead,
    DenseDetectionHead,
    GridDetectionHead,
    HeatmapLandmarkHead,
    LandmarkHead,
    MMDetDetectorHead,
    MMDetHead,
    MMSegHead,
    MMSegSegmentorHead,
    SegmentationHead,
)
from aurora_mm.models.img_data_preprocessor import ImgDataPreprocessor
from aurora_mm.models.interop import AuroraDecodeHead, AuroraDenseHead
from aurora_mm.models.losses import (
    BalancedBinaryCrossEntropyLoss,
    BalancedCrossEntropyLoss,
    ForegroundDiceLoss,
    GIoULoss,
    LinearIoULoss,
    QualityFocalLoss,
)
from aurora_mm.models.multi_task_model import MultiTaskModel
from aurora_mm.models.necks import TokenPyramid
from aurora_mm.models.test_time_augs import EnsembleModel, MultiTaskTTAModel
from aurora_mm.models.utils.starting_weights import starting_state

__all__ = [
    'AuroraDecodeHead',
    'AuroraDenseHead',
    'BalancedBinaryCrossEntropyLoss',
    'BalancedCrossEntropyLoss',
    'BaseBoxCodec',
    'BaseCodec',
    'BaseDetectionHead',
    'BaseEncoder',
    'BaseLandmarkCodec',
    'BaseTaskHead',
    'ClassificationHead',
    'ConvDetailBranch',
    'DenseBoxCodec',
    'DenseDetectionHead',
    'EMALossBalancer',
    'EnsembleModel',
    'FAMOLossBalancer',
    'FixedLossBalancer',
    'ForegroundDiceLoss',
    'GIoULoss',
    'GridBoxCodec',
    'GridDetectionHead',
    'HFBackbone',
    'HeatmapCodec',
    'HeatmapLandmarkHead',
    'IGBLossBalancer',
    'ImgDataPreprocessor',
    'LandmarkHead',
    'LinearIoULoss',
    'LossBalancer',
    'MMDetDetectorHead',
    'MMDetHead',
    'MMSegHead',
    'MMSegSegmentorHead',
    'MultiTaskModel',
    'MultiTaskTTAModel',
    'QualityFocalLoss',
    'Qwen3VLBackbone',
    'SegmentationHead',
    'SelectiveLossBalancer',
    'TaskAdapter',
    'TaskBottleneckAdapter',
    'TaskFiLM',
    'TaskLossTracker',
    'TokenPyramid',
    'UncertaintyLossBalancer',
    'merge_lora',
    'starting_state',
]
