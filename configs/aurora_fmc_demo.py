# The whole chain in minutes on a CPU: tiny encoder, 128 pixels, generated data
# (tools/dataset_converters/make_demo_data.py).
_base_ = [
    '_base_/tasks_fmc_uia.py',
    '_base_/aurora_tiny.py',
    '_base_/fmc_uia_small.py',
    '_base_/schedule_one_cycle.py',
    '_base_/runtime.py',
]
train_pipeline = [step | dict(size=128) if step['type'] == 'FitToSize' else step for step in _base_.train_pipeline]
test_pipeline = [step | dict(size=128) if step['type'] == 'FitToSize' else step for step in _base_.test_pipeline]
model = dict(tasks={{_base_.tasks}})
train_dataloader = dict(dataset=dict(pipeline=train_pipeline, tasks={{_base_.tasks}}))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, tasks={{_base_.tasks}}))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline, tasks={{_base_.tasks}}))
