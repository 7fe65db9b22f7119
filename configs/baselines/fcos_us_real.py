# mmdet's FCOS on a ResNet-50, as mmdet's configs have it (fcos_r50-caffe_fpn_gn-head_1x_coco.py), but from random
# weights, so that its batch statistics are learnt. To compare with, on one task of detection at a time
# (docs/ablation.md).
_base_ = [
    '../_base_/datasets/us_real.py',
    '../_base_/schedules/adamw_one-cycle_12e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='MultiTaskModel',
    tasks={{_base_.tasks}},
    data_preprocessor=dict(
        type='ImgDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True, pad_size_divisor=32
    ),
    backbone=dict(type='mmdet.ResNet', depth=50, frozen_stages=-1, norm_eval=False, style='caffe'),
    neck=dict(
        type='mmdet.FPN',
        out_channels=256,
        start_level=1,
        add_extra_convs='on_output',
        num_outs=5,
        relu_before_extra_convs=True,
    ),
    heads=dict(
        detection=dict(
            type='mmdet.FCOSHead',
            stacked_convs=4,
            feat_channels=256,
            strides=[8, 16, 32, 64, 128],
            test_cfg=dict(
                nms_pre=1000, min_bbox_size=0, score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5), max_per_img=100
            ),
        )
    ),
)
train_dataloader = dict(batch_size=3)
custom_hooks = []
