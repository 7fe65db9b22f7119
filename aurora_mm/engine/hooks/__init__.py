from aurora_mm.engine.hooks.multi_task_hook import MultiTaskHook
from aurora_mm.engine.hooks.overlay_hook import OverlayHook
from aurora_mm.engine.hooks.reproducible_epoch_hook import ReproducibleEpochHook, seed_worker
from aurora_mm.engine.hooks.stop_after_epoch_hook import StopAfterEpochHook

__all__ = ['MultiTaskHook', 'OverlayHook', 'ReproducibleEpochHook', 'StopAfterEpochHook', 'seed_worker']
