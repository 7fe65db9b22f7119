# FMC-UIA with the parts of aurora_plus.py and the training that goes with them: geometric augmentation, mixed batches,
# AdamW with rates that fall towards the encoder's first layers, a running mean of the weights.
_base_ = [
    '_base_/tasks_fmc_uia.py',
    '_base_/aurora_plus.py',
    '_base_/fmc_uia_448.py',
    '_base_/runtime.py',
]
train_pipeline = [*_base_.train_pipeline]
train_pipeline.insert(3, dict(type='RandomGeometry'))  # behind FitToSize, before ApplyGeometry
model = dict(
    tasks={{_base_.tasks}},
    backbone=dict(pretrained='Qwen/Qwen3-VL-8B-Instruct', with_cp=True),
)
train_dataloader = dict(
    batch_size=4,
    batch_sampler=dict(batches_of='all', policy=dict(type='SizePolicy', power='sqrt')),
    dataset=dict(pipeline=train_pipeline, tasks={{_base_.tasks}}, all_labels=True),
)
val_dataloader = dict(dataset=dict(tasks={{_base_.tasks}}))
test_dataloader = dict(dataset=dict(tasks={{_base_.tasks}}))

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=1)
optim_wrapper = dict(
    type='AutocastOptimWrapper',
    constructor='LayerDecayOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=2e-4, betas=(0.9, 0.99), weight_decay=0.05),
    paramwise_cfg=dict(
        layer_decay=0.9,
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={'backbone': dict(lr_mult=0.25)},
    ),
    clip_grad=dict(max_norm=1.0),
    accumulative_counts=4,
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=1, end=20, convert_to_iter_based=True),
]
custom_hooks = [
    dict(type='ReproducibleEpochHook'),
    dict(type='MultiTaskHook', interval=50),
    dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.001),
    dict(type='EarlyStoppingHook', monitor='score', rule='greater', patience=5),
]
