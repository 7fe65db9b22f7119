# AdamW as SimMIM has it, for batches of 16: warm-up over ten epochs, then down to nothing by a cosine. Larger batches
# bear a larger rate.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100)
optim_wrapper = dict(
    type='AccumulatingOptimWrapper',
    optimizer=dict(type='AdamW', lr=4e-4, betas=(0.9, 0.999), weight_decay=0.05, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=10, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=10, convert_to_iter_based=True),
]
