# mmdet: our encoder and pyramid under its FCOS.
_base_ = ['./_base_/fetal_head_coco.py', './_base_/schedule.py']
model = dict(
    type='FCOS',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[127.5] * 3,
        std=[127.5] * 3,
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(type='aurora_mm.Qwen3VLBackbone', preset='tiny'),
    neck=dict(
        type='aurora_mm.TokenPyramid',
        in_channels=[192] * 4,
        out_channels=96,
        scales=(2, 1, 1 / 2, 1 / 4),
        num_refine=1,
    ),
    bbox_head=dict(
        type='FCOSHead',
        num_classes=1,
        in_channels=96,
        feat_channels=96,
        stacked_convs=2,
        strides=[8, 16, 32, 64],
        regress_ranges=((-1, 32), (32, 64), (64, 128), (128, 1e8)),
        norm_cfg=dict(type='GN', num_groups=12),
        center_sampling=True,
        norm_on_bbox=True,
    ),
    test_cfg=dict(
        nms_pre=200, min_bbox_size=0, score_thr=0.01, nms=dict(type='nms', iou_threshold=0.6), max_per_img=10
    ),
)
