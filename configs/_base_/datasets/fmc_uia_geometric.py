# FMC-UIA with geometric augmentation too; batches of 16 images of any tasks, each with all the labels that it has.
_base_ = './fmc_uia.py'

train_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='LoadTaskAnnotations'),
    dict(type='FitToSize', size=_base_.img_size),
    dict(type='RandomGeometry'),
    dict(type='ApplyGeometry'),
    *_base_.photometric,
    dict(type='PackMultiTaskInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    batch_sampler=dict(batches_of='all', policy=dict(type='SizePolicy', power='sqrt')),
    dataset=dict(pipeline=train_pipeline, all_labels=True),
)
