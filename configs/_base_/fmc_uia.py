# FMC-UIA data sets and how they are scored; fmc_uia_448.py and fmc_uia_small.py add the pipelines.
data_root = 'data/fmc_uia'

train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    worker_init_fn=dict(type='aurora_mm.seed_worker'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    batch_sampler=dict(type='TaskAwareBatchSampler'),
    dataset=dict(type='FMCUIADataset', data_root=data_root, split='train'),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='FMCUIADataset', data_root=data_root, split='val', test_mode=True),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='MultiTaskEvaluator',
    metrics=dict(
        segmentation=[
            dict(type='SegmentationMetric'),
            dict(type='mmseg.IoUMetric', iou_metrics=['mIoU', 'mDice'], prefix='mmseg'),
        ],
        classification=[dict(type='ClassificationMetric')],
        detection=[dict(type='BoxIoUMetric'), dict(type='mmdet.CocoMetric', metric='bbox')],
        landmark=[dict(type='LandmarkMetric')],
    ),
)
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
