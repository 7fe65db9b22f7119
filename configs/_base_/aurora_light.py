# aurora_plus.py for small data at 224 px and more, where time counts: levels from stride 8 on, 48 channels, four of the
# tiny encoder's six blocks. docs/ablation.md says what that saves and costs against aurora_tiny.py.
_base_ = './aurora_plus.py'

model = dict(
    backbone=dict(preset='tiny', out_indices=(0, 1, 2, 3)),
    detail=dict(channels=(32, 64, 96, 128), num_blocks=(0, 1, 1, 1), out_indices=(1, 2, 3)),
    neck=dict(num_details=3, out_channels=48, num_refine=1, scales=(2, 1, 1 / 2, 1 / 4)),
    heads=dict(
        segmentation=dict(channels=48),
        classification=dict(hidden_channels=256),
        detection=dict(channels=48, in_index=(0, 1, 2)),
        landmark=dict(channels=48, in_index=(0, 1, 2)),
    ),
)
