# Data loaders and metrics for any data in the challenge's layout. The other files of this folder inherit this one and
# add the data root, the tasks and the pipelines.
train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    worker_init_fn=dict(type='aurora_mm.seed_worker'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    batch_sampler=dict(type='TaskAwareBatchSampler'),
    dataset=dict(type='FMCUIADataset', split='train'),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='FMCUIADataset', split='val', test_mode=True),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='MultiTaskEvaluator',
    num_workers=4,
    metrics=dict(
        segmentation=[
            dict(type='SegmentationMetric'),
            dict(type='mmseg.IoUMetric', iou_metrics=['mIoU', 'mDice'], prefix='mmseg'),
        ],
        classification=[dict(type='ClassificationMetric')],
        detection=[dict(type='BoxIoUMetric'), dict(type='mmdet.CocoMetric', metric='bbox')],
        landmark=[dict(type='LandmarkMetric')],
        multi_object_detection=[dict(type='BoxAPMetric')],
        scalar_regression=[dict(type='RegressionMetric')],
        multi_label_classification=[dict(type='MultiLabelMetric')],
        multi_label_segmentation=[dict(type='MultiLabelSegmentationMetric')],
    ),
)
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
