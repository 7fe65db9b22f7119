# Step 4: the convolutional detail branch.
_base_ = '../aurora_us_real_fine.py'

custom_hooks = [dict(type='ReproducibleEpochHook'), dict(type='MultiTaskHook', interval=50)]
train_dataloader = dict(dataset=dict(all_labels=False))
