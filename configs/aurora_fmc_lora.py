# The paper's recipe with low-rank updates (1 % of the encoder's weights) in place of the whole encoder.
_base_ = './aurora_fmc.py'

model = dict(backbone=dict(lora=dict(r=8)))
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=1.0)}))
