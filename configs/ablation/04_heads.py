# Step 4: landmarks as heatmaps, the dense detector, a cross entropy that is balanced between classes.
_base_ = './03_fine_levels.py'

model = dict(
    heads=dict(
        segmentation=dict(loss_cls=dict(type='BalancedCrossEntropyLoss', class_balance=0.5)),
        detection=dict(_delete_=True, type='DenseDetectionHead', in_index=(1, 2, 3), channels=64),
        landmark=dict(_delete_=True, type='HeatmapLandmarkHead', in_index=(1, 2, 3), channels=64),
        multi_object_detection=dict(in_index=(1, 2, 3)),
        multi_label_classification=dict(pooling='avg_max', dropout=0.2),
        scalar_regression=dict(pooling='avg_max', dropout=0.2),
    ),
    sources=None,
)
