from aurora_mm.engine.hooks import MultiTaskHook, OverlayHook, ReproducibleEpochHook
from aurora_mm.engine.optim import AutocastOptimWrapper, LayerDecayOptimWrapperConstructor

__all__ = [
    'AutocastOptimWrapper',
    'LayerDecayOptimWrapperConstructor',
    'MultiTaskHook',
    'OverlayHook',
    'ReproducibleEpochHook',
]
