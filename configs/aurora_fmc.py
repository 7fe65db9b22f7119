# The paper's recipe on FMC-UIA: 8B encoder, 448 px, one image a step, 16 steps an update.
_base_ = [
    '_base_/tasks_fmc_uia.py',
    '_base_/aurora.py',
    '_base_/fmc_uia_448.py',
    '_base_/runtime.py',
]
model = dict(
    tasks={{_base_.tasks}},
    backbone=dict(pretrained='Qwen/Qwen3-VL-8B-Instruct', with_cp=True),
)
train_dataloader = dict(dataset=dict(tasks={{_base_.tasks}}))
val_dataloader = dict(dataset=dict(tasks={{_base_.tasks}}))
test_dataloader = dict(dataset=dict(tasks={{_base_.tasks}}))

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=1)
optim_wrapper = dict(
    type='AutocastOptimWrapper',
    optimizer=dict(
        type='Adafactor',
        lr=2e-4,
        weight_decay=0.01,
        relative_step=False,
        scale_parameter=False,
        warmup_init=False,
    ),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1)}),
    clip_grad=dict(max_norm=1.0),
    accumulative_counts=16,
)
param_scheduler = []
custom_hooks = [
    dict(type='ReproducibleEpochHook'),
    dict(type='MultiTaskHook', interval=50),
    dict(type='EarlyStoppingHook', monitor='score', rule='greater', patience=3),
]
