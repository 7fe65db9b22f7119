# A small real data set in the challenge's layout, on a CPU: 12 epochs of 100 batches of 8, 9,600 images in all. Levels
# from stride 4 on: better outlines than aurora_us_real.py, in nearly twice the time.
_base_ = [
    '_base_/tasks_us_real.py',
    '_base_/aurora_tiny.py',
    '_base_/fmc_uia_small.py',
    '_base_/schedule_one_cycle.py',
    '_base_/runtime.py',
]
data_root = 'data/us_real'
model = dict(tasks={{_base_.tasks}})
train_dataloader = dict(
    batch_sampler=dict(num_batches=100),
    dataset=dict(data_root=data_root, tasks={{_base_.tasks}}),
)
val_dataloader = dict(dataset=dict(data_root=data_root, tasks={{_base_.tasks}}))
test_dataloader = dict(dataset=dict(data_root=data_root, tasks={{_base_.tasks}}))
