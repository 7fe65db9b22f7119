"""Configs of heads of mmseg and mmdet for four levels of strides 8 to 64, as a user would write them."""

GN = dict(type='GN', num_groups=4)
ALL = dict(in_index=[0, 1, 2, 3], channels=8, norm_cfg=GN)

SEGMENTATION = dict(
    fcn=dict(type='mmseg.FCNHead', in_index=0, channels=8, num_convs=1, norm_cfg=GN),
    uper=dict(type='mmseg.UPerHead', **ALL),
    segformer=dict(type='mmseg.SegformerHead', **ALL),
    fpn=dict(type='mmseg.FPNHead', **ALL),
    losses=dict(
        type='mmseg.UPerHead',
        loss_decode=[
            dict(type='LovaszLoss', loss_name='loss_lovasz', reduction='none'),
            dict(type='mmseg.DiceLoss', loss_name='loss_dice', loss_weight=3.0),
        ],
        **ALL,
    ),
)

_TOWER = dict(feat_channels=16, stacked_convs=1, norm_cfg=GN)
_LOSS = dict(loss_bbox=dict(type='GIoULoss', loss_weight=2.0))


def _train_cfg(**assigner):
    return dict(assigner=assigner, allowed_border=-1, pos_weight=-1, debug=False)


FCOS = dict(
    type='mmdet.FCOSHead',
    strides=[8, 16, 32, 64],
    regress_ranges=((-1, 32), (32, 64), (64, 128), (128, 1e8)),
    **_TOWER,
)
DETECTION = dict(
    fcos=FCOS,
    atss=dict(
        type='mmdet.ATSSHead',
        anchor_generator=dict(
            type='AnchorGenerator',
            ratios=[1.0],
            octave_base_scale=8,
            scales_per_octave=1,
            strides=[8, 16, 32, 64],
        ),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[0.0] * 4, target_stds=[0.1, 0.1, 0.2, 0.2]),
        loss_cls=dict(type='FocalLoss', use_sigmoid=True),
        train_cfg=_train_cfg(type='ATSSAssigner', topk=9),
        **_TOWER,
        **_LOSS,
    ),
    rtmdet=dict(
        type='mmdet.RTMDetHead',
        with_objectness=False,
        anchor_generator=dict(type='MlvlPointGenerator', offset=0, strides=[8, 16, 32, 64]),
        bbox_coder=dict(type='DistancePointBBoxCoder'),
        loss_cls=dict(type='QualityFocalLoss', use_sigmoid=True, beta=2.0),
        train_cfg=_train_cfg(type='DynamicSoftLabelAssigner', topk=13),
        **_TOWER,
        **_LOSS,
    ),
    centernet=dict(type='aurora_mm.MMDetHead', in_index=[0], head=dict(type='mmdet.CenterNetHead', feat_channels=16)),
    shared=dict(type='aurora_mm.MMDetHead', shared=True, head=FCOS),
)
