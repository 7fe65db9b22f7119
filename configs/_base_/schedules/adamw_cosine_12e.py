# AdamW for an encoder that is pretrained, which learns at a quarter of the rate of the other parts: warm-up over one
# epoch, then down to nothing by a cosine. What is tested is the running mean of the weights, at first
# of the last tenth of the steps (gamma), then of about a hundred.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12, val_interval=4)
optim_wrapper = dict(
    type='AccumulatingOptimWrapper',
    optimizer=dict(type='AdamW', lr=6e-4, betas=(0.9, 0.99), weight_decay=0.05, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0, custom_keys=dict(backbone=dict(lr_mult=0.25))),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, convert_to_iter_based=True),
]
custom_hooks = [dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.01, gamma=10)]
