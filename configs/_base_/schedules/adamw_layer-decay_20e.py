# AdamW with rates that fall towards the encoder's first layers, warm-up and cosine, bfloat16; what is tested is the
# running mean of the weights.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=1)
optim_wrapper = dict(
    type='AutocastOptimWrapper',
    constructor='LayerDecayOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=2e-4, betas=(0.9, 0.99), weight_decay=0.05, fused=True),
    paramwise_cfg=dict(
        layer_decay=0.9,
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={'backbone': dict(lr_mult=0.25)},
    ),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=1, convert_to_iter_based=True),
]
custom_hooks = [
    dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.001, gamma=10),
    dict(type='EarlyStoppingHook', monitor='score', rule='greater', min_delta=1e-4, patience=5),
]
