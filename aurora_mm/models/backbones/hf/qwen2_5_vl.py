"""The visual encoder of Qwen2.5-VL, whose tokens are not in raster order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VisionTransformerPretrainedModel

from aurora_mm.models.backbones.base_encoder import token_map
from aurora_mm.models.backbones.hf.hf_encoder import HFEncoder, tapped
from aurora_mm.models.backbones.visual_weights import load_visual


class Qwen25VL(HFEncoder):
    """The visual encoder of Qwen2.5-VL.

    Its tokens are ordered by windows and blocks of 2 x 2; the maps are in raster order.
    """

    model: Qwen2_5_VisionTransformerPretrainedModel
    depth_key = 'depth'

    def __init__(self, config: PretrainedConfig, out_indices: Sequence[int] | None) -> None:
        depth = config.depth
        super().__init__(config, out_indices)
        self.not_ours = ('merger.', *(f'blocks.{i}.' for i in range(self.num_blocks, depth)))
        self.merge = config.spatial_merge_size
        self.size_divisor = config.patch_size * self.merge
        self.frames = config.temporal_patch_size
        self.window = config.window_size // self.merge // config.patch_size  # blocks along a side of a window
        self.model = Qwen2_5_VisionTransformerPretrainedModel._from_config(config)
        self.model.add_module('merger', nn.Identity())  # only the language model reads its result

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        b, _, h, w = x.shape
        patch, merge = self.size_divisor // self.merge, self.merge
        grid = (h // patch, w // patch)
        # Flat patches ordered by blocks of 2 x 2; the still image is repeated for every video frame of a patch.
        x = x.unflatten(3, (grid[1] // merge, merge, patch)).unflatten(2, (grid[0] // merge, merge, patch))
        x = x.permute(0, 2, 5, 3, 6, 1, 4, 7)  # (B, H / 2, W / 2, 2, 2, 3, patch, patch)
        x = x.unsqueeze(6).expand(*[-1] * 6, self.frames, -1, -1).reshape(b * grid[0] * grid[1], -1)
        grid_thw = torch.tensor([[1, *grid]] * b, device=x.device)
        tokens = tapped(self.model.blocks, self.taps, lambda: self.model(x, grid_thw=grid_thw))
        raster = raster_order(grid, merge, self.window, x.device)
        return tuple(token_map(t.unflatten(0, (b, -1))[:, raster], grid) for t in tokens)

    def load(self, parameters: Mapping[str, Tensor], source: str) -> None:
        """Load the visual part of a checkpoint; see :meth:`HFEncoder.load`."""
        inside = {name.removeprefix('model.'): parameter for name, parameter in parameters.items()}
        load_visual(inside, source, self.not_ours)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # the cached index may be used in training later
def raster_order(grid: tuple[int, int], merge: int, window: int, device: torch.device) -> Tensor:
    """Return the position of each token of the raster in Qwen2.5-VL's order, ``(H * W,)``; see :func:`window_order`."""
    return window_order(grid, merge, window).argsort().to(device)


def window_order(grid: tuple[int, int], merge: int, window: int) -> Tensor:
    """Return the raster index of each token of Qwen2.5-VL, ``(H * W,)``: ordered by windows, then blocks, then tokens.

    Args:
        grid: Number of tokens ``(H, W)``.
        merge: Tokens along a side of a block.
        window: Blocks along a side of a window.
    """
    index = torch.arange(grid[0] * grid[1]).view(grid[0] // merge, merge, grid[1] // merge, merge)
    blocks = index.permute(0, 2, 1, 3).flatten(2)  # (H / merge, W / merge, merge * merge)
    windows = [cell.flatten() for rows in blocks.split(window, 0) for cell in rows.split(window, 1)]
    return torch.cat(windows)
