# For `_base_ = 'aurora_mm::aurora/laptop.py'` in a config of yours.
_base_ = '../aurora_laptop.py'
