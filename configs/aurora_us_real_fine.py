# aurora_us_real.py with levels from stride 4 on and a 3 M encoder: better outlines, in nearly twice the time.
_base_ = [
    '_base_/models/aurora-plus_qwen3-vl-tiny.py',
    '_base_/datasets/us_real.py',
    '_base_/schedules/adamw_one-cycle_12e.py',
    '_base_/default_runtime.py',
]
model = dict(tasks={{_base_.tasks}})
