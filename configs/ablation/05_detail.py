# Step 5: the convolutional detail branch.
_base_ = './04_heads.py'

model = dict(
    detail=dict(type='ConvDetailBranch', channels=(32, 64, 96, 128), num_blocks=1),
    neck=dict(num_details=4),
)
