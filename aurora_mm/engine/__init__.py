from aurora_mm.engine.hooks import MultiTaskHook, OverlayHook, ReproducibleEpochHook, StopAfterEpochHook
from aurora_mm.engine.optim import (
    AutocastOptimWrapper,
    CAGradCombiner,
    GradientCombiner,
    GradientSurgeryOptimWrapper,
    NashMTLCombiner,
    PCGradCombiner,
)

__all__ = [
    'AutocastOptimWrapper',
    'CAGradCombiner',
    'GradientCombiner',
    'GradientSurgeryOptimWrapper',
    'MultiTaskHook',
    'NashMTLCombiner',
    'OverlayHook',
    'PCGradCombiner',
    'ReproducibleEpochHook',
    'StopAfterEpochHook',
]
