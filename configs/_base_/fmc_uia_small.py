# For small models: 224 x 224 pixels, geometric and photometric augmentation, batches of many tasks.
_base_ = './fmc_uia.py'

train_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='LoadTaskAnnotations'),
    dict(type='FitToSize', size=224),
    dict(type='RandomGeometry'),
    dict(type='ApplyGeometry'),
    dict(type='RandomBrightnessContrast', prob=0.5),
    dict(type='RandomGaussianNoise', prob=0.2),
    dict(type='RandomGaussianBlur', prob=0.1),
    dict(type='PackMultiTaskInputs'),
]
test_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='FitToSize', size=224),
    dict(type='ApplyGeometry'),
    dict(type='LoadTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    batch_sampler=dict(batches_of='all', policy=dict(type='SizePolicy', power='uniform')),
    dataset=dict(pipeline=train_pipeline, all_labels=True),
)
val_dataloader = dict(num_workers=2, dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(num_workers=2, dataset=dict(pipeline=test_pipeline))
