# For `_base_ = 'aurora_mm::aurora/fmc_specialise.py'` in a config of yours.
_base_ = '../aurora_fmc_specialise.py'
