# AdamW and a cosine of 4 epochs, for heads and adapters on a frozen encoder.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=4, val_interval=1)
optim_wrapper = dict(type='AccumulatingOptimWrapper', optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.05))
param_scheduler = [dict(type='CosineAnnealingLR', convert_to_iter_based=True)]
custom_hooks = []
