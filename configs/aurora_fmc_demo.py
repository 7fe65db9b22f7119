# The whole chain in minutes on a CPU: tiny encoder, 128 pixels, generated data
# (tools/dataset_converters/make_demo_data.py).
_base_ = [
    '_base_/models/aurora-plus_qwen3-vl-tiny.py',
    '_base_/datasets/fmc_uia_128.py',
    '_base_/schedules/adamw_one-cycle_12e.py',
    '_base_/default_runtime.py',
]
model = dict(tasks={{_base_.tasks}})
