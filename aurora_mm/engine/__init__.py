from aurora_mm.engine.hooks import (
    BestOfTaskHook,
    LRFinderHook,
    MultiTaskHook,
    OverlayHook,
    ReproducibleEpochHook,
    StartFromHook,
    StopAfterEpochHook,
    SubmissionHook,
)
from aurora_mm.engine.optim import (
    AccumulatingOptimWrapper,
    AutocastOptimWrapper,
    CAGradCombiner,
    GradientCombiner,
    GradientSurgeryOptimWrapper,
    LayerDecayOptimWrapperConstructor,
    NashMTLCombiner,
    PCGradCombiner,
    ShardedOptimWrapper,
)
from aurora_mm.engine.sharding import wrap_encoder_blocks

__all__ = [
    'AccumulatingOptimWrapper',
    'AutocastOptimWrapper',
    'BestOfTaskHook',
    'CAGradCombiner',
    'GradientCombiner',
    'GradientSurgeryOptimWrapper',
    'LRFinderHook',
    'LayerDecayOptimWrapperConstructor',
    'MultiTaskHook',
    'NashMTLCombiner',
    'OverlayHook',
    'PCGradCombiner',
    'ReproducibleEpochHook',
    'ShardedOptimWrapper',
    'StartFromHook',
    'StopAfterEpochHook',
    'SubmissionHook',
    'wrap_encoder_blocks',
]
