# For `_base_ = 'aurora_mm::aurora/us_real_fine.py'` in a config of yours.
_base_ = '../aurora_us_real_fine.py'
