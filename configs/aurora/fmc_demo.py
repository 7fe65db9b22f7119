# For `_base_ = 'aurora_mm::aurora/fmc_demo.py'` in a config of yours.
_base_ = '../aurora_fmc_demo.py'
