# aurora_laptop.py with ultrasound corruptions in place of photometric augmentation: each image gets one of the six, at
# a strength drawn from 0 to 1, as in TrivialAugment (https://arxiv.org/abs/2103.10158).
_base_ = '../aurora_laptop.py'
corruptions = ('Gain', 'DepthAttenuation', 'Shadow', 'Speckle', 'Haze', 'UltrasoundBlur')
train_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='RandomChoice', transforms=[[dict(type=corruption)] for corruption in corruptions]),
    dict(type='LoadTaskAnnotations'),
    dict(type='FitToSize', size={{_base_.img_size}}),
    dict(type='RandomGeometry'),
    dict(type='ApplyGeometry'),
    dict(type='PackMultiTaskInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
