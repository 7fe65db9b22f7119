# For `_base_ = 'aurora_mm::aurora/fmc.py'` in a config of yours.
_base_ = '../aurora_fmc.py'
