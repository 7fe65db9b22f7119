# mmdet: its own Faster R-CNN config with our encoder and pyramid in place of ResNet and FPN.
_base_ = ['mmdet::_base_/models/faster-rcnn_r50_fpn.py', './_base_/fetal_head_coco.py', './_base_/schedule.py']
model = dict(
    data_preprocessor=dict(
        _delete_=True,
        type='DetDataPreprocessor',
        mean=[127.5] * 3,
        std=[127.5] * 3,
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(_delete_=True, type='aurora_mm.Qwen3VLBackbone', preset='tiny'),
    neck=dict(
        _delete_=True,
        type='aurora_mm.TokenPyramid',
        in_channels=[192] * 4,
        out_channels=96,
        scales=(2, 1, 1 / 2, 1 / 4),
        num_refine=1,
    ),
    rpn_head=dict(in_channels=96, feat_channels=96, anchor_generator=dict(scales=[4], strides=[8, 16, 32, 64])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=96, featmap_strides=[8, 16, 32, 64], finest_scale=28),
        bbox_head=dict(in_channels=96, fc_out_channels=256, num_classes=1),
    ),
    train_cfg=dict(rpn_proposal=dict(nms_pre=200, max_per_img=100), rcnn=dict(sampler=dict(num=64))),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100), rcnn=dict(max_per_img=10)),
)
