# aurora_laptop.py with TrivialAugment (https://arxiv.org/abs/2103.10158) in place of photometric augmentation: each
# image gets one of six changes at a strength drawn at random. They move nothing in the image, and black around the
# sector stays black (so no contrast around the mean grey).
_base_ = '../aurora_laptop.py'
changes = [
    [],
    [dict(type='mmdet.AutoContrast')],
    [dict(type='mmdet.Brightness', min_mag=0.5, max_mag=1.5)],
    [dict(type='mmdet.Equalize')],
    [dict(type='mmdet.Posterize', min_mag=4.0, max_mag=8.0)],
    [dict(type='mmdet.Sharpness', min_mag=0.1, max_mag=1.9)],
]
train_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='RandomChoice', transforms=changes),
    dict(type='LoadTaskAnnotations'),
    dict(type='FitToSize', size={{_base_.img_size}}),
    dict(type='RandomGeometry'),
    dict(type='ApplyGeometry'),
    dict(type='PackMultiTaskInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
