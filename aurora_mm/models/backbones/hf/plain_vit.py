"""Vision transformers of one stride."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import AutoModel, PretrainedConfig

from aurora_mm.models.backbones.base_encoder import token_map
from aurora_mm.models.backbones.hf.hf_encoder import HFEncoder, tapped


class PlainViT(HFEncoder):
    """A vision transformer of one stride: the tapped blocks' patch tokens, through its final norm, as maps.

    The final norm brings all taps to one scale; it is how DINOv2's and DINOv3's authors read intermediate blocks.
    """

    # Arguments of the model's forward that let it take any size, by transformers' own resampling of positions.
    forward_args: dict[str, bool] = {}

    def __init__(self, config: PretrainedConfig, out_indices: Sequence[int] | None) -> None:
        super().__init__(config, out_indices)
        self.model = AutoModel.from_config(config)
        root = getattr(self.model, 'vision_model', self.model)
        root.head = root.pooler = None  # they are for whole images
        root.use_head = False
        # In lists, so that they are not registered a second time.
        self._norm = [next(getattr(root, n) for n in ('layernorm', 'post_layernorm', 'norm') if hasattr(root, n))]
        self._blocks = [next(m for m in root.modules() if isinstance(m, nn.ModuleList) and len(m) == self.num_blocks)]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        patch = self.size_divisor
        grid = (x.shape[-2] // patch, x.shape[-1] // patch)
        taps = tapped(self._blocks[0], self.taps, lambda: self._run(x, grid))
        tokens = [self._norm[0](t)[:, -grid[0] * grid[1] :] for t in taps]  # class and register tokens come first
        return tuple(token_map(t, grid) for t in tokens)

    def _run(self, x: Tensor, grid: tuple[int, int]) -> None:
        self.model(x, **self.forward_args)


class ResampledViT(PlainViT):
    """A :class:`PlainViT` that resamples its learned positions when asked to."""

    forward_args = dict(interpolate_pos_encoding=True)


class NaFlexViT(PlainViT):
    """SigLIP 2's tower for any aspect ratio: it takes flat patches and their grid."""

    def _run(self, x: Tensor, grid: tuple[int, int]) -> None:
        patch = self.size_divisor
        x = x.unflatten(3, (grid[1], patch)).unflatten(2, (grid[0], patch))  # (B, 3, H, patch, W, patch)
        x = x.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)  # (B, H * W, patch * patch * 3)
        mask = torch.ones(x.shape[:2], dtype=torch.long, device=x.device)
        shapes = torch.tensor([grid] * len(x), device=x.device)
        self.model(x, pixel_attention_mask=mask, spatial_shapes=shapes)
