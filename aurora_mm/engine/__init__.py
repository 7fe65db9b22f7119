from aurora_mm.engine.hooks import (
    LRFinderHook,
    MultiTaskHook,
    OverlayHook,
    ReproducibleEpochHook,
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
    'StopAfterEpochHook',
    'SubmissionHook',
    'wrap_encoder_blocks',
]
