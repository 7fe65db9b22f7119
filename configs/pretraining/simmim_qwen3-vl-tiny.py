# The encoder of aurora_us_real.py and aurora_us_real_fine.py, from random weights.
_base_ = [
    '../_base_/models/simmim.py',
    '../_base_/datasets/image_folder.py',
    '../_base_/schedules/adamw_cosine_pretrain-100e.py',
    '../_base_/pretraining_runtime.py',
]
model = dict(backbone=dict(type='Qwen3VLBackbone', preset='tiny'))
