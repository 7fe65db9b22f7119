default_scope = 'aurora_mm'
custom_imports = dict(imports=['aurora_mm'], allow_failed_imports=False)
randomness = dict(seed=42)

# What training needs stands here, where configs are merged key by key: `custom_hooks` of yours adds to it.
default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2, save_best='score', rule='greater'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    reproducible_epoch=dict(type='ReproducibleEpochHook'),
    preemption=dict(type='PreemptionHook'),
    resume_validation=dict(type='ResumeValidationHook'),
    autocast_validation=dict(type='AutocastValidationHook'),
    multi_task=dict(type='MultiTaskHook', interval=50),
    validation_pictures=dict(type='ValidationPicturesHook'),
)

visualizer = dict(type='MultiTaskVisualizer', vis_backends=[dict(type='LocalVisBackend')])
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True)
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
# A batch of one task leaves the other heads without a gradient.
model_wrapper_cfg = dict(type='MMDistributedDataParallel', find_unused_parameters=True, device_ids=None)
load_from = None
resume = False
