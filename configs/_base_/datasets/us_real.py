# A small real data set in the challenge's layout: 224 x 224 pixels, geometric and photometric augmentation, an epoch of
# 100 batches of 8 images of any tasks, each with all the labels that it has.
_base_ = ['../tasks/us_real.py', './loaders.py']
data_root = 'data/us_real'
img_size = 224

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
    batch_sampler=dict(batches_of='all', num_batches=100, policy=dict(type='SizePolicy', power='uniform')),
    dataset=dict(data_root=data_root, tasks={{_base_.tasks}}, pipeline=train_pipeline, all_labels=True),
)
val_dataloader = dict(num_workers=2, dataset=dict(data_root=data_root, tasks={{_base_.tasks}}, pipeline=test_pipeline))
test_dataloader = val_dataloader
