# any_corruption.py with the changes of grey values of TrivialAugment (https://arxiv.org/abs/2103.10158) in place of
# corruptions: each image gets one of six at a strength drawn at random. They move nothing in the image, and black
# around the sector stays black (so no contrast around the mean grey).
_base_ = './any_corruption.py'
changes = [
    [],
    [dict(type='mmdet.AutoContrast')],
    [dict(type='mmdet.Brightness', min_mag=0.5, max_mag=1.5)],
    [dict(type='mmdet.Equalize')],
    [dict(type='mmdet.Posterize', min_mag=4.0, max_mag=8.0)],
    [dict(type='mmdet.Sharpness', min_mag=0.1, max_mag=1.9)],
]
_steps = _base_.train_pipeline
train_pipeline = [_steps[0], dict(type='RandomChoice', transforms=changes), *_steps[2:]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
