from aurora_mm.engine.hooks import MultiTaskHook, OverlayHook, ReproducibleEpochHook, StopAfterEpochHook
from aurora_mm.engine.optim import (
    AccumulatingOptimWrapper,
    AutocastOptimWrapper,
    CAGradCombiner,
    GradientCombiner,
    GradientSurgeryOptimWrapper,
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
    'MultiTaskHook',
    'NashMTLCombiner',
    'OverlayHook',
    'PCGradCombiner',
    'ReproducibleEpochHook',
    'ShardedOptimWrapper',
    'StopAfterEpochHook',
    'wrap_encoder_blocks',
]
