# aurora_us_real.py with levels from stride 4 on, 64 channels and all blocks of the encoder: better outlines, in nearly
# twice the time.
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
