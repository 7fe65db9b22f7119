"""Encoders with several stages, such as Swin and ConvNeXt."""

from __future__ import annotations

import re
from collections.abc import Sequence

from torch import Tensor, nn
from transformers import AutoBackbone, PretrainedConfig

from aurora_mm.models.backbones.base_encoder import check_taps
from aurora_mm.models.backbones.hf.hf_encoder import HFEncoder

# Stride of the first stage where no value of the config changes it, as in DINOv3's ConvNeXt.
_FIRST_STRIDE = 4


class StagedBackbone(HFEncoder):
    """A hierarchical encoder, built by AutoBackbone: one map for each stage, each half the size of the last."""

    new_parameters = ('hidden_states_norms.',)

    def __init__(self, config: PretrainedConfig, out_indices: Sequence[int] | None) -> None:
        nn.Module.__init__(self)
        self.taps = check_taps(range(len(config.depths)) if out_indices is None else out_indices, len(config.depths))
        config.out_features = [f'stage{i + 1}' for i in self.taps]
        backbone = AutoBackbone.from_config(config)
        self.model = backbone
        self.depths = list(config.depths)
        self.num_blocks = sum(self.depths)
        self.out_channels = list(backbone.channels)
        first = getattr(config, 'patch_size', _FIRST_STRIDE)
        self.strides = [first * 2**i for i in self.taps]
        self.size_divisor = first * 2 ** (len(self.depths) - 1)

    def layer_of(self, name: str) -> int:
        if norm := re.search(r'hidden_states_norms\.stage(\d+)\.', name):
            return sum(self.depths[: int(norm[1])])
        place = re.search(r'\b(?:encoder\.layers|stages)\.(\d+)\.(?:(?:blocks|layers)\.(\d+)\.)?', name)
        if place is None:
            return self.num_blocks + 1 if re.search(r'layernorm\.\w+$', name) and 'embeddings' not in name else 0
        stage, block = int(place[1]), place[2]
        before = sum(self.depths[:stage])
        if block is not None:
            return before + int(block) + 1
        # The layer that halves the map is at the start of a stage in ConvNeXt and at its end in Swin. In DINOv3's
        # ConvNeXt the patch embedding is that of the first stage.
        if 'downsample_layers' in name and stage == 0:
            return 0
        return before + 1 if re.search('downsampling_layer|downsample_layers', name) else before + self.depths[stage]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.model(x).feature_maps)
