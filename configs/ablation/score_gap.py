# aurora_us_real_fine.py with sampling by what validation says is still to be gained.
_base_ = '../aurora_us_real_fine.py'

train_dataloader = dict(batch_sampler=dict(policy=dict(_delete_=True, type='ScoreGapPolicy')))
