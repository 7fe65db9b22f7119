from aurora_mm.engine.hooks.autocast_validation_hook import AutocastValidationHook
from aurora_mm.engine.hooks.best_of_task_hook import BestOfTaskHook
from aurora_mm.engine.hooks.checkpoint_hook import CheckpointHook
from aurora_mm.engine.hooks.console_hook import ConsoleHook
from aurora_mm.engine.hooks.early_stopping_hook import EarlyStoppingHook
from aurora_mm.engine.hooks.gradual_unfreezing_hook import GradualUnfreezingHook
from aurora_mm.engine.hooks.lr_finder_hook import LRFinderHook
from aurora_mm.engine.hooks.masked_image_hook import MaskedImageHook
from aurora_mm.engine.hooks.multi_task_hook import MultiTaskHook
from aurora_mm.engine.hooks.overlay_hook import OverlayHook
from aurora_mm.engine.hooks.param_scheduler_hook import ParamSchedulerHook
from aurora_mm.engine.hooks.preemption_hook import PreemptionHook
from aurora_mm.engine.hooks.reproducible_epoch_hook import ReproducibleEpochHook, seed_worker
from aurora_mm.engine.hooks.resume_validation_hook import ResumeValidationHook
from aurora_mm.engine.hooks.runtime_info_hook import RuntimeInfoHook
from aurora_mm.engine.hooks.save_encoder_hook import SaveEncoderHook
from aurora_mm.engine.hooks.start_from_hook import StartFromHook
from aurora_mm.engine.hooks.stop_after_epoch_hook import StopAfterEpochHook
from aurora_mm.engine.hooks.submission_hook import SubmissionHook
from aurora_mm.engine.hooks.validation_pictures_hook import ValidationPicturesHook

__all__ = [
    'AutocastValidationHook',
    'BestOfTaskHook',
    'CheckpointHook',
    'ConsoleHook',
    'EarlyStoppingHook',
    'GradualUnfreezingHook',
    'LRFinderHook',
    'MaskedImageHook',
    'MultiTaskHook',
    'OverlayHook',
    'ParamSchedulerHook',
    'PreemptionHook',
    'ReproducibleEpochHook',
    'ResumeValidationHook',
    'RuntimeInfoHook',
    'SaveEncoderHook',
    'StartFromHook',
    'StopAfterEpochHook',
    'SubmissionHook',
    'ValidationPicturesHook',
    'seed_worker',
]
