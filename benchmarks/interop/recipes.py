"""How each part of mmdet and mmseg is set up to be tried, where its own config does not say it."""

from __future__ import annotations

# Maps that heads are tried on, where their config does not name strides: input pixels per cell.
STRIDES = [8, 16, 32, 64]
WIDTH = 256  # of all maps; some detectors of mmdet work with no other

# Heads that read other maps than those of their config's strides: arguments of the head before them, and strides.
LEVELS = dict(
    CenterNetHead=(dict(in_index=[0]), STRIDES),
    CentripetalHead=(dict(in_index=[0, 0]), STRIDES),
    CornerHead=(dict(in_index=[0, 0]), STRIDES),
    CornerNet=(dict(in_index=[0, 0]), STRIDES),
    SETRMLAHead=(dict(), [8, 8, 8, 8]),
    YOLOV3=(dict(in_index=[2, 1, 0]), [8, 16, 32]),
    YOLOV3Head=(dict(in_index=[2, 1, 0]), [8, 16, 32]),
)
# Parts that take the config of a near relation.
SAME_CONFIG = dict(RTMDetHead='RTMDetSepBNHead')
# Maps that necks are tried on, where they do not read four levels of growing width: channels and strides.
MAPS = ([32, 64, 128, 256], [4, 8, 16, 32])
_ONE_WIDTH = ([32] * 4, [4, 8, 16, 32])
NECK_MAPS = dict(
    BFP=_ONE_WIDTH,
    DyHead=_ONE_WIDTH,
    Feature2Pyramid=([32] * 4, [16] * 4),
    ICNeck=([64, 128, 256], [8, 16, 32]),
    JPU=([64, 128, 256], [8, 16, 32]),
    MLANeck=([32] * 4, [16] * 4),
    YOLOV3Neck=([64, 128, 256], [8, 16, 32]),
)
# Arguments of a near relation's config that a part does not take.
WITHOUT = dict(RTMDetHead=('exp_on_reg', 'share_conv', 'pred_kernel_size'))
# What must be said of heads that work: of those whose masks host_configs leaves out, and of one whose operator has no
# CPU version, so that it is not tried when it is built.
_MASKS = 'without its branch of masks, which learns from a mask of every box; for masks use mmdet.Mask2Former'
NOTES = dict(
    GARetinaHead='on a GPU alone (not tried)',
    MaskRCNN=_MASKS,
    QueryInst=_MASKS,
)
# Arguments beside or instead of those of the config.
ARGUMENTS = dict(
    # Backbones, made small.
    BEiT=dict(img_size=(128, 128), num_layers=4, embed_dims=48, num_heads=3, out_indices=(0, 1, 2, 3)),
    DetectoRS_ResNeXt=dict(depth=50),
    MAE=dict(img_size=(128, 128), num_layers=4, embed_dims=48, num_heads=3, out_indices=(0, 1, 2, 3)),
    ResNeXt=dict(depth=50),
    ResNetV1d=dict(depth=18),
    STDCContextPathNet=dict(
        backbone_cfg=dict(
            type='STDCNet',
            stdc_type='STDCNet1',
            in_channels=3,
            channels=(32, 64, 256, 512, 1024),
            bottleneck_type='cat',
            num_convs=4,
            norm_cfg=dict(type='BN'),
            act_cfg=dict(type='ReLU'),
        ),
        last_in_channels=(1024, 512),
        out_channels=128,
        ffm_cfg=dict(in_channels=384, out_channels=256, scale_factor=4),
    ),
    STDCNet=dict(
        stdc_type='STDCNet1', in_channels=3, channels=(32, 64, 256, 512, 1024), bottleneck_type='cat', num_convs=4
    ),
    TIMMBackbone=dict(model_name='resnet18', features_only=True),
    VisionTransformer=dict(
        img_size=(128, 128), num_layers=4, embed_dims=48, num_heads=3, out_indices=(0, 1, 2, 3), out_origin=False
    ),
    # Necks.
    BFP=dict(num_levels=4),
    CSPNeXtPAFPN=dict(out_channels=32),
    ChannelMapper=dict(out_channels=32),
    DyHead=dict(out_channels=32),
    FPG=dict(out_channels=32, inter_channels=32, num_outs=4),
    FPN_DropBlock=dict(out_channels=32, num_outs=4),
    Feature2Pyramid=dict(embed_dim=32),
    ICNeck=dict(out_channels=32),
    JPU=dict(in_channels=(64, 128, 256), mid_channels=32, start_level=0, end_level=-1),
    MLANeck=dict(out_channels=32),
    MultiLevelNeck=dict(out_channels=32),
    SSH=dict(num_scales=4, out_channels=[32] * 4),
    YOLOV3Neck=dict(num_scales=3, out_channels=[64, 32, 16]),
    # Losses.
    CrossEntropyCustomLoss=dict(use_sigmoid=True, num_classes=2),
    FocalCustomLoss=dict(num_classes=2),
    LovaszLoss=dict(reduction='none'),
)
