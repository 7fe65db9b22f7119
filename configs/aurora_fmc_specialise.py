# Second stage: heads and small adapters of each task's own, on the encoder and necks of a trained aurora_fmc.py:
# aurora-mm train configs/aurora_fmc_specialise.py --data-root DATA --load-from work_dirs/aurora_fmc/epoch_20.pth
_base_ = './aurora_fmc.py'

model = dict(
    own_heads=True,
    adapter=dict(type='TaskBottleneckAdapter', channels=32),
    frozen=['backbone', 'necks'],
    balancer=None,
)
train_dataloader = dict(
    batch_size=16, batch_sampler=dict(batches_of='all', policy=dict(type='SizePolicy', power='sqrt'))
)
train_cfg = dict(max_epochs=5)
# No clipping: the norm of all gradients would tie the tasks to each other.
optim_wrapper = dict(
    _delete_=True, type='AutocastOptimWrapper', optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.05, fused=True)
)
param_scheduler = [dict(type='CosineAnnealingLR', convert_to_iter_based=True)]
default_hooks = dict(start_from=dict(type='StartFromHook'), best_of_task=dict(type='BestOfTaskHook'))
custom_hooks = []
