from aurora_mm.engine.hooks import LRFinderHook, MultiTaskHook, OverlayHook, ReproducibleEpochHook
from aurora_mm.engine.optim import AutocastOptimWrapper, LayerDecayOptimWrapperConstructor

__all__ = [
    'AutocastOptimWrapper',
    'LRFinderHook',
    'LayerDecayOptimWrapperConstructor',
    'MultiTaskHook',
    'OverlayHook',
    'ReproducibleEpochHook',
]
