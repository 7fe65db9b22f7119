# For `_base_ = 'aurora_mm::aurora/fmc_lora.py'` in a config of yours.
_base_ = '../aurora_fmc_lora.py'
