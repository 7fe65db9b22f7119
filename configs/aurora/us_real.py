# For `_base_ = 'aurora_mm::aurora/us_real.py'` in a config of yours.
_base_ = '../aurora_us_real.py'
