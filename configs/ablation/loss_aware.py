# aurora_us_real_fine.py with the published sampling and loss weights.
_base_ = '../aurora_us_real_fine.py'

model = dict(balancer=dict(type='SelectiveLossBalancer'))
train_dataloader = dict(batch_sampler=dict(policy=dict(_delete_=True, type='LossAwarePolicy')))
