# FMC-UIA as published: 448 x 448 pixels, one image a batch, photometric augmentation only.
_base_ = ['../tasks/fmc_uia.py', './loaders.py']
data_root = 'data/fmc_uia'
img_size = 448

photometric = [
    dict(type='RandomBrightnessContrast', prob=0.35),
    dict(type='RandomGaussianNoise', prob=0.30),
    dict(type='RandomGaussianBlur', prob=0.20),
    dict(type='RandomMotionBlur', prob=0.10),
]
train_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='LoadTaskAnnotations'),
    dict(type='FitToSize', size=img_size),
    dict(type='ApplyGeometry'),
    *photometric,
    dict(type='PackMultiTaskInputs'),
]
# Annotations are loaded after the geometry: scores are taken in pixels of the original image.
test_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='FitToSize', size=img_size),
    dict(type='ApplyGeometry'),
    dict(type='LoadTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
train_dataloader = dict(dataset=dict(data_root=data_root, tasks={{_base_.tasks}}, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root, tasks={{_base_.tasks}}, pipeline=test_pipeline))
test_dataloader = val_dataloader
