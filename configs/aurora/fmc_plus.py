# For `_base_ = 'aurora_mm::aurora/fmc_plus.py'` in a config of yours.
_base_ = '../aurora_fmc_plus.py'
