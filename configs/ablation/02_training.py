# Step 2: the training of aurora_us_real_fine.py (AdamW on one cycle, mixed batches of 8, tasks sampled alike, losses
# unweighted, geometric augmentation), the published parts at the widths of the tiny encoder, and outputs of each task's
# own.
_base_ = './01_published.py'

model = dict(
    neck=dict(pyramid=dict(out_channels=64), pooled=dict(out_channels=64)),
    heads=dict(
        segmentation=dict(channels=64, share_outputs=False),
        classification=dict(hidden_channels=256, share_outputs=False),
        detection=dict(channels=64, share_outputs=False),
        landmark=dict(hidden_channels=256, share_outputs=False),
        multi_object_detection=dict(channels=64),
        multi_label_classification=dict(hidden_channels=256),
        scalar_regression=dict(hidden_channels=256),
        multi_label_segmentation=dict(channels=64),
    ),
    balancer=None,
)
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    batch_sampler=dict(batches_of='all', num_batches=100, policy=dict(type='SizePolicy', power='uniform')),
    dataset=dict(pipeline=_base_.train_pipeline),
)
val_dataloader = dict(num_workers=2)
test_dataloader = val_dataloader

optim_wrapper = dict(
    _delete_=True,
    type='AccumulatingOptimWrapper',
    optimizer=dict(type='AdamW', lr=6e-4, betas=(0.9, 0.99), weight_decay=0.05, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='OneCycleLR', pct_start=0.2, convert_to_iter_based=True),
]
