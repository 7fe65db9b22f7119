# Step 3: landmarks as heatmaps, the dense detector, cross entropy that makes up for small classes.
_base_ = '../aurora_us_real_fine.py'

model = dict(detail=None, neck=dict(num_details=0))
custom_hooks = [dict(type='ReproducibleEpochHook'), dict(type='MultiTaskHook', interval=50)]
train_dataloader = dict(dataset=dict(all_labels=False))
