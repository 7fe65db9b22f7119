from aurora_mm.engine.hooks import MultiTaskHook, OverlayHook, ReproducibleEpochHook
from aurora_mm.engine.optim import AutocastOptimWrapper

__all__ = ['AutocastOptimWrapper', 'MultiTaskHook', 'OverlayHook', 'ReproducibleEpochHook']
