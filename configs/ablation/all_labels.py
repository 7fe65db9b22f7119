# Step 5: an image is trained with the labels that it has for all tasks. What aurora_us_real_fine.py adds is the running
# mean of the weights.
_base_ = '../aurora_us_real_fine.py'

custom_hooks = [dict(type='ReproducibleEpochHook'), dict(type='MultiTaskHook', interval=50)]
