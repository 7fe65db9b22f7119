# Second stage of aurora_laptop.py, as aurora_fmc_specialise.py has it: 4 epochs of 100 batches of 8.
_base_ = [
    '_base_/models/aurora-plus_efficientnet-lite0.py',
    '_base_/datasets/us_real.py',
    '_base_/schedules/adamw_specialise_4e.py',
    '_base_/default_runtime.py',
]
model = dict(
    tasks={{_base_.tasks}},
    own_heads=True,
    adapter=dict(type='TaskBottleneckAdapter', channels=16),
    frozen=['backbone', 'necks'],
)
default_hooks = dict(start_from=dict(type='StartFromHook'), best_of_task=dict(type='BestOfTaskHook'))
