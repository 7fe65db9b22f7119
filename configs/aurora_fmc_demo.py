# The whole chain in minutes on a CPU: tiny encoder, generated data (tools/make_demo_data.py).
_base_ = [
    '_base_/tasks_fmc_uia.py',
    '_base_/aurora_tiny.py',
    '_base_/fmc_uia_128.py',
    '_base_/schedule_one_cycle.py',
    '_base_/runtime.py',
]
model = dict(tasks={{_base_.tasks}})
train_dataloader = dict(dataset=dict(tasks={{_base_.tasks}}))
val_dataloader = dict(dataset=dict(tasks={{_base_.tasks}}))
test_dataloader = dict(dataset=dict(tasks={{_base_.tasks}}))
