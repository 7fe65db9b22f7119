"""Vision transformers that were pretrained by masked image modelling: BEiT and MAE."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import BeitModel, PretrainedConfig

from aurora_mm.models.backbones.hf.plain_vit import PlainViT


class BeitViT(PlainViT):
    """BEiT, with absolute positions, relative ones, or both; transformers resamples either to any image size.

    With ``use_mean_pooling`` the norm after the last block is that of the pooled token, and the maps pass through it.
    """

    model: BeitModel
    keeps_pooler = True

    def __init__(self, config: PretrainedConfig, out_indices: Sequence[int] | None) -> None:
        super().__init__(config, out_indices)
        pooler = self.model.pooler
        if pooler is not None and isinstance(pooler.layernorm, nn.LayerNorm):  # with ``use_mean_pooling``
            self._norm = [pooler.layernorm]
        else:
            self.model.pooler = None


class MAEViT(PlainViT):
    """The encoder of a masked autoencoder, which sees every patch, in raster order."""

    def __init__(self, config: PretrainedConfig, out_indices: Sequence[int] | None) -> None:
        config.mask_ratio = 0.0
        super().__init__(config, out_indices)

    def _run(self, x: Tensor, grid: tuple[int, int]) -> None:
        # transformers sorts the patches by this noise before it drops the last ones.
        order = torch.arange(grid[0] * grid[1], device=x.device, dtype=torch.float32)
        self.model(x, noise=order.expand(len(x), -1), interpolate_pos_encoding=True)


class RadioViT(PlainViT):
    """RADIO, which has no norm after its last block and normalises images itself."""

    def _find_norm(self, root: nn.Module) -> nn.Module:
        return nn.Identity()
