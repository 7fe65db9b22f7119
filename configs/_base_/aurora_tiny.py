# AURORA for small data on a CPU: 3 M encoder, narrow necks and heads; masks are found at stride 4.
_base_ = './aurora.py'

model = dict(
    backbone=dict(preset='tiny'),
    neck=dict(
        pyramid=dict(out_channels=96, scales=(2, 1, 1 / 2, 1 / 4), num_refine=1),
        pooled=dict(out_channels=64, scales=(4, 2, 1, 1 / 2), num_refine=1),
    ),
    heads=dict(
        segmentation=dict(channels=64),
        classification=dict(hidden_channels=256, pooling='avg_max', dropout=0.2),
        detection=dict(channels=96),
        landmark=dict(hidden_channels=256, pool_size=4, beta=0.05),
    ),
    balancer=dict(init_raw=-3.0),
)
