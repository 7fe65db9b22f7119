# The encoder of aurora_us_real_dinov2.py, continued from its published weights. Its patches have sides of 14 pixels, so
# cells have sides of 28.
_base_ = './simmim_qwen3-vl-tiny.py'

_small = dict(model_type='dinov2', hidden_size=384, num_hidden_layers=12, num_attention_heads=6, image_size=518)
model = dict(
    backbone=dict(_delete_=True, type='HFBackbone', config=_small, pretrained='facebook/dinov2-small'),
)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
train_pipeline = [
    dict(type='LoadUltrasoundImage'),
    dict(type='FitToSize', size=224),
    dict(type='RandomGeometry', scale=(1.0, 1.5)),
    dict(type='ApplyGeometry'),
    dict(type='RandomPatchMask', patch_size=28, ratio=0.6),
    dict(type='PackMaskedInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
