# mmdet: our encoder and pyramid under its DINO, of few layers and queries. mmdet 3.3.0's works with 256 channels only.
_base_ = ['./_base_/fetal_head_coco.py', './_base_/schedule.py']
_attn = dict(embed_dims=256, num_heads=8, dropout=0.0)
_deform = dict(embed_dims=256, num_levels=4, dropout=0.0)
_ffn = dict(embed_dims=256, feedforward_channels=256, ffn_drop=0.0)
model = dict(
    type='DINO',
    num_queries=30,
    with_box_refine=True,
    as_two_stage=True,
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
        out_channels=256,
        scales=(2, 1, 1 / 2, 1 / 4),
        num_refine=1,
        fit_maps_to_image=True,
    ),
    encoder=dict(num_layers=2, layer_cfg=dict(self_attn_cfg=_deform, ffn_cfg=_ffn)),
    decoder=dict(
        num_layers=2,
        return_intermediate=True,
        layer_cfg=dict(self_attn_cfg=_attn, cross_attn_cfg=_deform, ffn_cfg=_ffn),
        post_norm_cfg=None,
    ),
    positional_encoding=dict(num_feats=128, normalize=True, offset=0.0, temperature=20),
    bbox_head=dict(
        type='DINOHead',
        num_classes=1,
        sync_cls_avg_factor=True,
        loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0),
        loss_bbox=dict(type='L1Loss', loss_weight=5.0),
        loss_iou=dict(type='GIoULoss', loss_weight=2.0),
    ),
    dn_cfg=dict(
        label_noise_scale=0.5,
        box_noise_scale=1.0,
        group_cfg=dict(dynamic=True, num_groups=None, num_dn_queries=10),
    ),
    train_cfg=dict(
        assigner=dict(
            type='HungarianAssigner',
            match_costs=[
                dict(type='FocalLossCost', weight=2.0),
                dict(type='BBoxL1Cost', weight=5.0, box_format='xywh'),
                dict(type='IoUCost', iou_mode='giou', weight=2.0),
            ],
        )
    ),
    test_cfg=dict(max_per_img=10),
)
