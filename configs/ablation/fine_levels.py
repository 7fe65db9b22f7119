# Step 2: one pyramid with levels of strides 4 to 32 in place of two with 16 to 128; classes from averages and maxima.
_base_ = '../aurora_us_real_fine.py'

model = dict(
    detail=None,
    neck=dict(num_details=0),
    heads=dict(
        segmentation=dict(loss_cls=dict(background_weight=0.2, class_balance=0.0)),
        detection=dict(_delete_=True, type='GridDetectionHead', channels=64),
        landmark=dict(_delete_=True, type='LandmarkHead', hidden_channels=256),
    ),
    sources=dict(landmark='backbone'),
)
custom_hooks = [dict(type='ReproducibleEpochHook'), dict(type='MultiTaskHook', interval=50)]
train_dataloader = dict(dataset=dict(all_labels=False))
