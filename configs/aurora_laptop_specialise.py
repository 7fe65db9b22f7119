# Second stage of aurora_laptop.py, as aurora_fmc_specialise.py has it: 4 epochs of 100 batches of 8.
_base_ = './aurora_laptop.py'

model = dict(
    own_heads=True,
    adapter=dict(type='TaskBottleneckAdapter', channels=16),
    frozen=['backbone', 'necks'],
)
train_cfg = dict(max_epochs=4, val_interval=1)
optim_wrapper = dict(
    _delete_=True, type='AccumulatingOptimWrapper', optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.05)
)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=4, convert_to_iter_based=True)]
default_hooks = dict(start_from=dict(type='StartFromHook'), best_of_task=dict(type='BestOfTaskHook'))
custom_hooks = []
