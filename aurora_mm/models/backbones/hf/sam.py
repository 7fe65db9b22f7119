"""The image encoder of SAM, with attention within windows and positions along both axes."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn
from transformers import SamVisionConfig, SamVisionModel

from aurora_mm.models.backbones.hf.hf_encoder import HFEncoder, tapped


class SamViT(HFEncoder):
    """The image encoder of SAM, whose blocks give the maps as they are, for it has no norm after the last block.

    Its neck, which makes the 256 channels for the mask decoder, is left out. transformers takes images of one size
    only. Here absolute positions are resampled to the grid of patches (bicubic), as those of other encoders are, and
    transformers resamples the relative ones.
    """

    model: SamVisionModel

    def __init__(self, config: SamVisionConfig, out_indices: Sequence[int] | None) -> None:
        super().__init__(config, out_indices)
        self.model = SamVisionModel(config)
        self.model.vision_encoder.add_module('neck', nn.Identity())

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        encoder = self.model.vision_encoder
        tokens = encoder.patch_embed.projection(x).permute(0, 2, 3, 1)  # (B, H, W, C)
        if encoder.pos_embed is not None:
            tokens = tokens + _resampled(encoder.pos_embed, tokens.shape[1:3]).to(tokens.dtype)
        maps = tapped(encoder.layers, self.taps, lambda: nn.Sequential(*encoder.layers)(tokens))
        return tuple(m.permute(0, 3, 1, 2).contiguous() for m in maps)


def _resampled(positions: Tensor, grid: Sequence[int]) -> Tensor:
    """Resample absolute positions ``(1, h, w, C)`` to a grid of patches, ``(1, H, W, C)``."""
    if tuple(grid) == tuple(positions.shape[1:3]):
        return positions
    resampled = F.interpolate(positions.permute(0, 3, 1, 2).float(), tuple(grid), mode='bicubic')
    return resampled.permute(0, 2, 3, 1)
