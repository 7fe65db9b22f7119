# For `_base_ = 'aurora_mm::aurora/fmc_32b.py'` in a config of yours.
_base_ = '../aurora_fmc_32b.py'
