# mmseg's UPerNet with its two heads, as mmseg's configs have it (upernet_r50.py, with the losses of its configs
# *_ce-1.0-dice-3.0_*), on EfficientNet-Lite0 from weights of ImageNet, with 128 channels for 512 and GroupNorm for
# BatchNorm. To compare with, on one task of segmentation at a time (docs/ablation.md).
_base_ = [
    '../_base_/datasets/us_real.py',
    '../_base_/schedules/adamw_one-cycle_12e.py',
    '../_base_/default_runtime.py',
]
norm_cfg = dict(type='GN', num_groups=32)  # BatchNorm has one value an image in the coarsest pooled map
model = dict(
    type='MultiTaskModel',
    tasks={{_base_.tasks}},
    data_preprocessor=dict(
        type='ImgDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True, pad_size_divisor=32
    ),
    backbone=dict(type='EfficientNetLite', pretrained='imagenet'),
    neck=None,
    heads=dict(
        segmentation=dict(
            type='mmseg.EncoderDecoder',
            decode_head=dict(
                type='mmseg.UPerHead',
                in_index=[0, 1, 2, 3],
                in_channels=[24, 40, 112, 320],
                channels=128,
                dropout_ratio=0.1,
                norm_cfg=norm_cfg,
                loss_decode=[
                    dict(type='mmseg.CrossEntropyLoss', loss_name='loss_ce', loss_weight=1.0),
                    dict(type='mmseg.DiceLoss', loss_name='loss_dice', loss_weight=3.0),
                ],
            ),
            auxiliary_head=dict(
                type='mmseg.FCNHead',
                in_index=2,
                in_channels=112,
                channels=64,
                num_convs=1,
                concat_input=False,
                dropout_ratio=0.1,
                norm_cfg=norm_cfg,
                loss_decode=dict(type='mmseg.CrossEntropyLoss', loss_weight=0.4),
            ),
            train_cfg=dict(),
            test_cfg=dict(mode='whole'),
        )
    ),
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.25))))
train_dataloader = dict(batch_size=3)
custom_hooks = []
