# aurora-plus_qwen3-vl-8b.py made small for a CPU: an encoder of 3 M random weights, fewer channels everywhere.
_base_ = './aurora-plus_qwen3-vl-8b.py'

model = dict(
    backbone=dict(_delete_=True, type='Qwen3VLBackbone', preset='tiny'),
    detail=dict(channels=(32, 64, 96, 128), num_blocks=1),
    neck=dict(out_channels=64, num_refine=1),
    heads=dict(
        segmentation=dict(channels=64),
        classification=dict(hidden_channels=256),
        detection=dict(channels=64),
        landmark=dict(channels=64),
        multi_object_detection=dict(channels=64),
        multi_label_classification=dict(hidden_channels=256),
        scalar_regression=dict(hidden_channels=256),
        multi_label_segmentation=dict(channels=64),
    ),
)
