# Images without labels, 224 x 224 pixels, of which 60 % of the cells of 32 x 32 pixels that show tissue are masked.
img_size = 224

train_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='FitToSize', size=img_size),
    dict(type='RandomGeometry', scale=(1.0, 1.5)),
    dict(type='ApplyGeometry'),
    dict(type='RandomPatchMask', patch_size=32, ratio=0.6),
    dict(type='PackMaskedInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(type='ImageFolderDataset', folders=[], pipeline=train_pipeline),
)
