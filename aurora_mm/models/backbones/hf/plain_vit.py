"""Vision transformers whose blocks all have the same stride."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import AutoModel, PretrainedConfig

from aurora_mm.models.backbones.base_encoder import token_map
from aurora_mm.models.backbones.hf.hf_encoder import HFEncoder, tapped


class PlainViT(HFEncoder):
    """A vision transformer with one stride, whose patch tokens pass through its final norm and become maps.

    The final norm brings all taps to the same scale. DINOv2 and DINOv3 read intermediate blocks in the same way.
    """

    # Arguments of the model's forward for which transformers resamples the positions to any image size.
    forward_args: dict[str, bool] = {}
    # Whether the module that summarises the image is kept, because its norm is needed.
    keeps_pooler = False

    def __init__(self, config: PretrainedConfig, out_indices: Sequence[int] | None) -> None:
        super().__init__(config, out_indices)
        self.model = AutoModel.from_config(config)
        root = getattr(self.model, 'vision_model', self.model)
        if not self.keeps_pooler:
            root.head = root.pooler = None  # they summarise whole images and are not needed
            root.use_head = False
        # In lists, so that torch does not register these modules a second time.
        self._norm = [self._find_norm(root)]
        self._blocks = [next(m for m in root.modules() if isinstance(m, nn.ModuleList) and len(m) == self.num_blocks)]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        patch = self.size_divisor
        grid = (x.shape[-2] // patch, x.shape[-1] // patch)
        taps = tapped(self._blocks[0], self.taps, lambda: self._run(x, grid))
        tokens = [self._norm[0](t)[:, -grid[0] * grid[1] :] for t in taps]  # class and register tokens come first
        return tuple(token_map(t, grid) for t in tokens)

    def _run(self, x: Tensor, grid: tuple[int, int]) -> None:
        self.model(x, **self.forward_args)

    def _find_norm(self, root: nn.Module) -> nn.Module:
        """Return the norm after the last block."""
        return next(getattr(root, name) for name in ('layernorm', 'post_layernorm', 'norm') if hasattr(root, name))


class ResampledViT(PlainViT):
    """A :class:`PlainViT` that resamples its learned positions only if an argument says so."""

    forward_args = dict(interpolate_pos_encoding=True)


class NaFlexViT(PlainViT):
    """The image encoder of SigLIP 2 for any aspect ratio, which reads flat patches and the size of their grid."""

    def _run(self, x: Tensor, grid: tuple[int, int]) -> None:
        patch = self.size_divisor
        x = x.unflatten(3, (grid[1], patch)).unflatten(2, (grid[0], patch))  # (B, 3, H, patch, W, patch)
        x = x.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)  # (B, H * W, patch * patch * 3)
        mask = torch.ones(x.shape[:2], dtype=torch.long, device=x.device)
        shapes = torch.tensor([grid] * len(x), device=x.device)
        self.model(x, pixel_attention_mask=mask, spatial_shapes=shapes)
