# mmseg's U-Net with its two FCN heads, as mmseg's configs have it (fcn_unet_s5-d16.py, with the losses of its
# configs *_ce-1.0-dice-3.0_*), from random weights. To compare with, on one task of segmentation at a time
# (docs/ablation.md).
_base_ = [
    '../_base_/datasets/us_real.py',
    '../_base_/schedules/adamw_one-cycle_12e.py',
    '../_base_/default_runtime.py',
]
norm_cfg = dict(type='BN')
head = dict(type='mmseg.FCNHead', channels=64, num_convs=1, concat_input=False, dropout_ratio=0.1, norm_cfg=norm_cfg)
model = dict(
    type='MultiTaskModel',
    tasks={{_base_.tasks}},
    data_preprocessor=dict(type='ImgDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True),
    backbone=dict(type='mmseg.UNet', norm_cfg=norm_cfg),
    neck=None,
    heads=dict(
        segmentation=dict(
            type='mmseg.EncoderDecoder',
            decode_head=dict(
                in_index=4,
                in_channels=64,
                loss_decode=[
                    dict(type='mmseg.CrossEntropyLoss', loss_name='loss_ce', loss_weight=1.0),
                    dict(type='mmseg.DiceLoss', loss_name='loss_dice', loss_weight=3.0),
                ],
                **head,
            ),
            auxiliary_head=dict(
                in_index=3, in_channels=128, loss_decode=dict(type='mmseg.CrossEntropyLoss', loss_weight=0.4), **head
            ),
            train_cfg=dict(),
            test_cfg=dict(mode='whole'),
        )
    ),
)
train_dataloader = dict(batch_size=3)
custom_hooks = []
