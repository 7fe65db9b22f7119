# aurora-plus_qwen3-vl-tiny.py made faster: levels from stride 8 on, 48 channels for 64, four of the encoder's six
# blocks. docs/ablation.md says what that saves and what it costs.
_base_ = './aurora-plus_qwen3-vl-tiny.py'

model = dict(
    backbone=dict(out_indices=(0, 1, 2, 3)),
    detail=dict(num_blocks=(0, 1, 1, 1), out_indices=(1, 2, 3)),
    neck=dict(num_details=3, out_channels=48, scales=(2, 1, 1 / 2, 1 / 4)),
    heads=dict(
        segmentation=dict(channels=48),
        detection=dict(channels=48, in_index=(0, 1, 2)),
        landmark=dict(channels=48, in_index=(0, 1, 2)),
        multi_object_detection=dict(channels=48, in_index=(0, 1, 2)),
    ),
)
