# mmdet: our encoder, pyramid and grid head in its SingleStageDetector.
_base_ = ['./_base_/fetal_head_coco.py', './_base_/schedule.py']
model = dict(
    type='SingleStageDetector',
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
    bbox_head=dict(type='aurora_mm.AuroraDenseHead', in_channels=[96] * 4, num_classes=1, channels=96),
)
