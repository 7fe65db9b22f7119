# For `_base_ = 'aurora_mm::aurora/laptop_specialise.py'` in a config of yours.
_base_ = '../aurora_laptop_specialise.py'
