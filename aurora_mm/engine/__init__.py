from aurora_mm.engine.hooks import LRFinderHook, MultiTaskHook, OverlayHook, ReproducibleEpochHook
from aurora_mm.engine.optim import AutocastOptimWrapper

__all__ = ['AutocastOptimWrapper', 'LRFinderHook', 'MultiTaskHook', 'OverlayHook', 'ReproducibleEpochHook']
