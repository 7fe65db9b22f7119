# FMC-UIA's tasks for a small model: 128 x 128 pixels, geometric and photometric augmentation, batches of 8 images of
# any tasks, each with all the labels that it has.
_base_ = ['../tasks/fmc_uia.py', './loaders.py']
data_root = 'data/fmc_uia'
img_size = 128

train_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='LoadTaskAnnotations'),
    dict(type='FitToSize', size=img_size),
    dict(type='RandomGeometry'),
    dict(type='ApplyGeometry'),
    dict(type='RandomBrightnessContrast', prob=0.5),
    dict(type='RandomGaussianNoise', prob=0.2),
    dict(type='RandomGaussianBlur', prob=0.1),
    dict(type='PackMultiTaskInputs'),
]
test_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='FitToSize', size=img_size),
    dict(type='ApplyGeometry'),
    dict(type='LoadTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    batch_sampler=dict(batches_of='all', policy=dict(type='SizePolicy', power='uniform')),
    dataset=dict(data_root=data_root, tasks={{_base_.tasks}}, pipeline=train_pipeline, all_labels=True),
)
val_dataloader = dict(num_workers=2, dataset=dict(data_root=data_root, tasks={{_base_.tasks}}, pipeline=test_pipeline))
test_dataloader = val_dataloader
