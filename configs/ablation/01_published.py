# Step 1: the published recipe on a small data set: its model, losses, sampling, balancing, augmentation and optimiser,
# around a tiny encoder. One image a batch, an update every 16: 600 updates, 9,600 images in all.
_base_ = [
    '../_base_/models/aurora_qwen3-vl-8b.py',
    '../_base_/datasets/us_real.py',
    '../_base_/schedules/adafactor_20e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    tasks={{_base_.tasks}},
    backbone=dict(_delete_=True, type='Qwen3VLBackbone', preset='tiny'),
    heads=dict(
        segmentation=dict(share_outputs=True),
        classification=dict(share_outputs=True),
        detection=dict(share_outputs=True),
        landmark=dict(share_outputs=True),
    ),
)
published_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='LoadTaskAnnotations'),
    dict(type='FitToSize', size=_base_.img_size),
    dict(type='ApplyGeometry'),
    dict(type='RandomBrightnessContrast', prob=0.35),
    dict(type='RandomGaussianNoise', prob=0.30),
    dict(type='RandomGaussianBlur', prob=0.20),
    dict(type='RandomMotionBlur', prob=0.10),
    dict(type='PackMultiTaskInputs'),
]
train_dataloader = dict(
    batch_size=1,
    num_workers=1,
    batch_sampler=dict(_delete_=True, type='TaskAwareBatchSampler', num_batches=800),
    dataset=dict(pipeline=published_pipeline, all_labels=False),
)
val_dataloader = dict(num_workers=1)
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=12, val_interval=4)
optim_wrapper = dict(type='AccumulatingOptimWrapper')
custom_hooks = []
