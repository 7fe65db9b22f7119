# FMC-UIA with the parts that score higher and the training that goes with them: geometric augmentation, mixed batches,
# AdamW with rates that fall towards the encoder's first layers, a running mean of the weights. 16 images a step, for
# one GPU of 80 GB; docs/gpu.md says what 24 GB need.
_base_ = [
    '_base_/models/aurora-plus_qwen3-vl-8b.py',
    '_base_/datasets/fmc_uia_geometric.py',
    '_base_/schedules/adamw_layer-decay_20e.py',
    '_base_/default_runtime.py',
]
model = dict(tasks={{_base_.tasks}}, backbone=dict(with_cp=False, compile_blocks=False))
