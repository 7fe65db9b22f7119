# The encoder of aurora_fmc.py, continued from the published weights in mixed precision, with gradient checkpointing.
_base_ = './simmim_qwen3-vl-tiny.py'

train_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='FitToSize', size=448),
    dict(type='RandomGeometry', scale=(1.0, 1.5)),
    dict(type='ApplyGeometry'),
    dict(type='RandomPatchMask', patch_size=32, ratio=0.6),
    dict(type='PackMaskedInputs'),
]
img_size = 448
train_dataloader = dict(num_workers=8, dataset=dict(pipeline=train_pipeline))
model = dict(
    backbone=dict(
        _delete_=True,
        type='Qwen3VLBackbone',
        preset='8b',
        pretrained='Qwen/Qwen3-VL-8B-Instruct',
        with_cp=True,
    )
)
optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(lr=5e-5))
