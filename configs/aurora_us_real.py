# A small real data set on a CPU, 12 epochs of 800 images: 2 M encoder, levels from stride 8 on.
_base_ = [
    '_base_/models/aurora-plus_qwen3-vl-tiny_s8.py',
    '_base_/datasets/us_real.py',
    '_base_/schedules/adamw_one-cycle_12e.py',
    '_base_/default_runtime.py',
]
model = dict(tasks={{_base_.tasks}})
