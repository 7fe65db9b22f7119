# aurora_plus.py for small data on a CPU: 3 M encoder, narrow branch, neck and heads.
_base_ = './aurora_plus.py'

model = dict(
    backbone=dict(preset='tiny'),
    detail=dict(channels=(32, 64, 96, 128), num_blocks=1),
    neck=dict(out_channels=64, num_refine=1),
    heads=dict(
        segmentation=dict(channels=64),
        classification=dict(hidden_channels=256),
        detection=dict(channels=64),
        landmark=dict(channels=64),
    ),
)
