# The encoder of aurora_laptop.py, continued from its ImageNet weights: a convolutional one, which sees a learned colour
# in place of masked pixels.
_base_ = './simmim_qwen3-vl-tiny.py'

model = dict(backbone=dict(_delete_=True, type='EfficientNetLite', arch='lite0', pretrained='imagenet'))
