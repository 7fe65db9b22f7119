# As published: Adafactor at a constant rate, the encoder at a tenth of it, an update every 16 batches, bfloat16; at
# most 20 epochs, fewer when three validations in a row bring nothing.
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
custom_hooks = [dict(type='EarlyStoppingHook', monitor='score', rule='greater', min_delta=1e-4, patience=3)]
