# Step 3: one pyramid with levels of strides 4 to 32 in place of two with 16 to 128; classes from averages and maxima.
_base_ = './02_training.py'

model = dict(
    neck=dict(_delete_=True, type='TokenPyramid', out_channels=64, scales=(4, 2, 1, 1 / 2), num_refine=1),
    heads=dict(classification=dict(pooling='avg_max', dropout=0.2)),
    sources=dict(_delete_=True, landmark='backbone'),
)
