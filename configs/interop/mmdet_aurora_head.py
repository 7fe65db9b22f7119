# mmdet: our encoder, pyramid and grid head in its SingleStageDetector. The head reads three levels, so three blocks are
# tapped: what nothing reads gets no gradient, and DistributedDataParallel refuses that.
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
    backbone=dict(type='aurora_mm.Qwen3VLBackbone', preset='tiny', out_indices=(2, 3, 5)),
    neck=dict(
        type='aurora_mm.TokenPyramid',
        in_channels=[192] * 3,
        out_channels=96,
        scales=(1, 1 / 2, 1 / 4),
        num_refine=1,
        fit_maps_to_image=True,
    ),
    bbox_head=dict(
        type='aurora_mm.AuroraDenseHead', in_channels=[96] * 3, in_index=(0, 1, 2), num_classes=1, channels=96
    ),
)
