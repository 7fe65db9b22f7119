# default_runtime.py without what belongs to tasks and validation. At the end the encoder is written to the folder
# `encoder` of the work dir.
_base_ = './default_runtime.py'

default_hooks = dict(
    checkpoint=dict(save_best=None, rule=None),
    multi_task=None,
    validation_pictures=None,
    masked_image=dict(type='MaskedImageHook'),
    save_encoder=dict(type='SaveEncoderHook'),
)
visualizer = dict(_delete_=True, type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
