# As published: 448 x 448 pixels, photometric augmentation only.
_base_ = './fmc_uia.py'

train_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='LoadTaskAnnotations'),
    dict(type='FitToSize', size=448),
    dict(type='ApplyGeometry'),
    dict(type='RandomBrightnessContrast', prob=0.35),
    dict(type='RandomGaussianNoise', prob=0.30),
    dict(type='RandomGaussianBlur', prob=0.20),
    dict(type='RandomMotionBlur', prob=0.10),
    dict(type='PackMultiTaskInputs'),
]
# Annotations are loaded after the geometry: scores are taken in pixels of the original image.
test_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='FitToSize', size=448),
    dict(type='ApplyGeometry'),
    dict(type='LoadTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
