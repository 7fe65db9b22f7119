# Step 1: the published parts at the widths of the tiny encoder, each task with outputs of its own, trained as
# aurora_us_real_fine.py: AdamW on one cycle, mixed batches, tasks sampled alike, losses unweighted, geometric
# augmentation.
_base_ = '../aurora_us_real_fine.py'

model = dict(
    detail=None,
    neck=dict(
        _delete_=True,
        pyramid=dict(type='TokenPyramid', out_channels=64),
        pooled=dict(type='TokenPyramid', out_channels=64, downsample='avg_pool'),
    ),
    heads=dict(
        _delete_=True,
        segmentation=dict(type='SegmentationHead', channels=64),
        classification=dict(type='ClassificationHead', hidden_channels=256),
        detection=dict(type='GridDetectionHead', channels=64),
        landmark=dict(type='LandmarkHead', hidden_channels=256),
    ),
    sources=dict(segmentation='pooled', classification='pyramid', detection='pyramid', landmark='backbone'),
)
custom_hooks = [dict(type='ReproducibleEpochHook'), dict(type='MultiTaskHook', interval=50)]
train_dataloader = dict(dataset=dict(all_labels=False))
