# mmseg: our encoder and pyramid under its UPerHead.
_base_ = ['./_base_/fetal_head_mmseg.py', './_base_/schedule.py']
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5] * 3,
        std=[127.5] * 3,
        bgr_to_rgb=True,
        size_divisor=32,
    ),
    backbone=dict(type='aurora_mm.Qwen3VLBackbone', preset='tiny', fit_maps_to_image=True),
    neck=dict(
        type='aurora_mm.TokenPyramid',
        in_channels=[192] * 4,
        out_channels=96,
        scales=(4, 2, 1, 1 / 2),
        num_refine=1,
        fit_maps_to_image=True,
    ),
    decode_head=dict(
        type='UPerHead',
        in_channels=[96] * 4,
        in_index=[0, 1, 2, 3],
        channels=64,
        num_classes=2,
        norm_cfg=dict(type='GN', num_groups=8),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
