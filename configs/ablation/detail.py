# Step 4: the convolutional detail branch. What is left to aurora_us_real.py is the running mean of the weights.
_base_ = '../aurora_us_real.py'

custom_hooks = [dict(type='ReproducibleEpochHook'), dict(type='MultiTaskHook', interval=50)]
