# The published recipe on a small data set: its model, losses, sampling, balancing, augmentation and optimiser, around a
# tiny encoder at 224 px. An update every 16 images, 600 updates, 9,600 images in all.
_base_ = [
    '../_base_/tasks_us_real.py',
    '../_base_/aurora.py',
    '../_base_/fmc_uia_448.py',
    '../_base_/runtime.py',
]
train_pipeline = [step | dict(size=224) if step['type'] == 'FitToSize' else step for step in _base_.train_pipeline]
test_pipeline = [step | dict(size=224) if step['type'] == 'FitToSize' else step for step in _base_.test_pipeline]
model = dict(
    tasks={{_base_.tasks}},
    backbone=dict(preset='tiny'),
    heads=dict(
        segmentation=dict(share_outputs=True),
        classification=dict(share_outputs=True),
        detection=dict(share_outputs=True),
        landmark=dict(share_outputs=True),
    ),
)
data_root = 'data/us_real'
train_dataloader = dict(
    num_workers=1,
    batch_sampler=dict(num_batches=800),
    dataset=dict(data_root=data_root, pipeline=train_pipeline, tasks={{_base_.tasks}}),
)
val_dataloader = dict(num_workers=1, dataset=dict(data_root=data_root, pipeline=test_pipeline, tasks={{_base_.tasks}}))
test_dataloader = val_dataloader
test_cfg = dict(type='TestLoop')

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12, val_interval=4)
optim_wrapper = dict(
    type='AccumulatingOptimWrapper',
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
custom_hooks = [dict(type='ReproducibleEpochHook'), dict(type='MultiTaskHook', interval=50)]
