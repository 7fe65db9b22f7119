# The encoder of the 32B model, sharded over 8 GPUs with FSDP2 (MMEngine's FlexibleRunner); an update every 16 images.
# Adafactor's factored moments need whole matrices and gradient surgery whole gradients: both are out.
_base_ = ['./aurora_fmc.py']

model = dict(backbone=dict(preset='32b', pretrained='Qwen/Qwen3-VL-32B-Instruct'))
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(
    type='ShardedOptimWrapper',
    optimizer=dict(_delete_=True, type='AdamW', lr=2e-4, weight_decay=0.01),
    accumulative_counts=1,
)
runner_type = 'FlexibleRunner'
strategy = dict(type='aurora_mm.ShardedStrategy')
