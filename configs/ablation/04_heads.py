# Step 4: landmarks as heatmaps, the dense detector, a cross entropy that is balanced between classes.
_base_ = './03_fine_levels.py'

model = dict(
    heads=dict(
        segmentation=dict(background_weight=1.0, class_balance=0.5),
        detection=dict(_delete_=True, type='DenseDetectionHead', in_index=(1, 2, 3), channels=64),
        landmark=dict(_delete_=True, type='HeatmapLandmarkHead', in_index=(1, 2, 3), channels=64),
    ),
    sources=None,
)
