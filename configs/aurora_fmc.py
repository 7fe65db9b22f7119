# The paper's recipe on FMC-UIA: 8B encoder, 448 px, one image a step, 16 steps an update.
_base_ = [
    '_base_/models/aurora_qwen3-vl-8b.py',
    '_base_/datasets/fmc_uia.py',
    '_base_/schedules/adafactor_20e.py',
    '_base_/default_runtime.py',
]
model = dict(tasks={{_base_.tasks}})
