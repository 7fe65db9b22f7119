"""The Qwen3-VL visual encoder as an OpenMMLab backbone.

The encoder is a plain vision transformer: 16 x 16 patches, learned positions resampled to the grid, axial rotary
positions in every attention, global attention, no final norm. transformers runs it on flat patches of all images,
ordered by 2 x 2 merge blocks for the language model. Nothing in the blocks depends on that order, so here they run in
raster order on ``(B, H * W, C)``: one batched attention call, and a map is a plain reshape. Parameters carry
transformers' names; tests hold every map equal to transformers' own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers.activations import ACT2FN
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLVisionConfig

from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.models.backbones.visual_weights import read_vision_config, read_visual_tensors
from aurora_mm.registry import MODELS

_LARGE = dict(depth=24, hidden_size=1024, intermediate_size=4096, num_heads=16)
_SO400M = dict(depth=27, hidden_size=1152, intermediate_size=4304, num_heads=16)
PRESETS: dict[str, dict[str, int]] = {
    '2b': _LARGE,
    '4b': _LARGE,
    '8b': _SO400M,
    '32b': _SO400M,
    'tiny': dict(depth=6, hidden_size=192, intermediate_size=768, num_heads=3),
}

# Parts of the published checkpoint that only the language model reads.
_NOT_OURS = ('merger.', 'deepstack_merger_list.')


@MODELS.register_module()
class Qwen3VLBackbone(BaseModule):
    """Maps of four blocks of the Qwen3-VL visual encoder.

    Legend: B images, h x w pixels of the input, H x W tokens (``h / 16`` x ``w / 16``), C channels.

    Args:
        preset: The encoder's size: a key of :data:`PRESETS` or a dict of ``Qwen3VLVisionConfig`` values. Overruled
            by the config of ``pretrained``.
        pretrained: None for random weights, or a hub id or folder of a Qwen3-VL model. Its ``config.json`` gives the
            size; of its weights the visual part alone is read, when :meth:`init_weights` is called.
        out_indices: Blocks to tap, counted from 0, rising. None taps four, evenly spaced from the first to the
            last. Blocks after the last tap are not built.
        with_cp: Recompute each block in the backward pass (gradient checkpointing) to save memory.

    Attributes:
        out_channels (list[int]): C of each map. strides (list[int]): Input pixels per token, 16 for each map.
    """

    def __init__(
        self,
        preset: str | Mapping[str, int] = '2b',
        pretrained: str | Path | None = None,
        out_indices: Sequence[int] | None = None,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        config = _vision_config(preset) if pretrained is None else read_vision_config(pretrained)
        self.config = config
        self.pretrained = pretrained
        self.with_cp = with_cp
        self.out_indices = _check_taps(out_indices, config.depth)
        self.size_divisor = config.patch_size * config.spatial_merge_size
        self.strides = [config.patch_size] * len(self.out_indices)
        self.out_channels = [config.hidden_size] * len(self.out_indices)

        self.patch_embed = _PatchEmbed(config)
        self.pos_embed = nn.Embedding(config.num_position_embeddings, config.hidden_size)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(self.out_indices[-1] + 1))
        self._rope_cache: dict[tuple, tuple[Tensor, Tensor]] = {}
        self.apply(self._init_module)

    def _init_module(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding):
            nn.init.trunc_normal_(module.weight, std=self.config.initializer_range)
            if getattr(module, 'bias', None) is not None:
                nn.init.zeros_(module.bias)

    def init_weights(self) -> None:
        """Loads ``pretrained``, strictly.

        Raises:
            WeightsError: If a tensor is missing, of another shape, or unknown; the message names each.
        """
        super().init_weights()
        if self.pretrained is None:
            return
        tensors = read_visual_tensors(self.pretrained)
        weight = tensors['patch_embed.proj.weight']
        if weight.ndim == 5:
            # A still image fills both temporal slots, so one kernel with their sum does the same (Conv3d -> Conv2d).
            tensors['patch_embed.proj.weight'] = weight.float().sum(dim=2)
        self._load_strictly(tensors)

    def _load_strictly(self, tensors: dict[str, Tensor]) -> None:
        own = self.state_dict()
        unused_blocks = tuple(f'blocks.{i}.' for i in range(len(self.blocks), self.config.depth))
        unknown = [n for n in tensors if n not in own and not n.startswith(_NOT_OURS + unused_blocks)]
        missing = [n for n in own if n not in tensors]
        shapes = [
            f'{n} is {tuple(tensors[n].shape)} and not {tuple(own[n].shape)}'
            for n in own
            if n in tensors and tensors[n].shape != own[n].shape
        ]
        if missing or shapes or unknown:
            faults = [f'missing: {", ".join(missing)}'] * bool(missing) + shapes
            faults += [f'unknown: {", ".join(unknown)}'] * bool(unknown)
            raise WeightsError(f'{self.pretrained} does not fit the encoder; {"; ".join(faults)}')
        self.load_state_dict({name: tensors[name] for name in own})

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Maps of the tapped blocks.

        Args:
            x: ``(B, 3, h, w)`` RGB scaled to [-1, 1] (mean = std = 0.5); h and w multiples of 32.

        Returns:
            One ``(B, C, H, W)`` map a tap, in raster order.
        """
        h, w = x.shape[-2:]
        if h % self.size_divisor or w % self.size_divisor:
            raise ConfigError(f'input of {h} x {w} pixels; Qwen3-VL takes multiples of {self.size_divisor}')
        x = self.patch_embed(x)  # (B, C, H, W)
        grid = (x.shape[-2], x.shape[-1])
        x = (x + self._position_map(grid)).flatten(2).transpose(1, 2)  # (B, H * W, C)
        rope = self._rope(grid, x.device)
        maps = []
        for i, block in enumerate(self.blocks):
            if self.with_cp and torch.is_grad_enabled():
                x = checkpoint(block, x, rope, use_reentrant=False)
            else:
                x = block(x, rope)
            if i in self.out_indices:
                maps.append(x.transpose(1, 2).unflatten(2, grid))  # (B, C, H, W)
        return tuple(maps)

    def _position_map(self, grid: tuple[int, int]) -> Tensor:
        """Learned positions of a square grid, resampled bilinearly with their corners aligned: (1, C, H, W)."""
        side = round(self.config.num_position_embeddings**0.5)
        square = self.pos_embed.weight.T.reshape(1, -1, side, side)
        return F.interpolate(square, size=grid, mode='bilinear', align_corners=True)

    def _rope(self, grid: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
        """Cosine and sine of the axial rotary angles, ``(H * W, head_dim)`` each, computed once a grid and device."""
        key = (grid, device)
        if key not in self._rope_cache:
            quarter = self.config.hidden_size // self.config.num_heads // 4
            frequency = 10000.0 ** -(torch.arange(quarter, dtype=torch.float32) / quarter)
            rows, columns = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing='ij')
            angles = torch.cat([rows.reshape(-1, 1) * frequency, columns.reshape(-1, 1) * frequency], dim=1)
            angles = torch.cat([angles, angles], dim=1)
            self._rope_cache[key] = (angles.cos().to(device), angles.sin().to(device))
        return self._rope_cache[key]


class _PatchEmbed(nn.Module):
    """One linear map a patch. The temporal axis of the published kernel is summed away, see ``init_weights``."""

    def __init__(self, config: Qwen3VLVisionConfig) -> None:
        super().__init__()
        patch = config.patch_size
        self.proj = nn.Conv2d(config.in_channels, config.hidden_size, kernel_size=patch, stride=patch)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


class _Block(nn.Module):
    """Pre-norm transformer block on ``(B, N, C)``."""

    def __init__(self, config: Qwen3VLVisionConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.hidden_size, eps=1e-6)
        self.attn = _Attention(config)
        self.norm2 = nn.LayerNorm(config.hidden_size, eps=1e-6)
        self.mlp = _MLP(config)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        x = x + self.attn(self.norm1(x), rope)
        return x + self.mlp(self.norm2(x))


class _Attention(nn.Module):
    """Global self-attention with rotary positions."""

    def __init__(self, config: Qwen3VLVisionConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        qkv = self.qkv(x).unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)  # (3, B, heads, N, head_dim)
        q, k, v = qkv.unbind(0)
        x = F.scaled_dot_product_attention(_rotate(q, rope), _rotate(k, rope), v)
        return self.proj(x.transpose(1, 2).flatten(2))


class _MLP(nn.Module):
    def __init__(self, config: Qwen3VLVisionConfig) -> None:
        super().__init__()
        self.linear_fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.act_fn = ACT2FN[config.hidden_act]
        self.linear_fc2 = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_fc2(self.act_fn(self.linear_fc1(x)))


def _rotate(x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions on ``(B, heads, N, head_dim)``, in fp32 whatever the input, as transformers has it."""
    cos, sin = rope
    y = x.float()
    first, second = y.chunk(2, dim=-1)
    return (y * cos + torch.cat([-second, first], dim=-1) * sin).to(x.dtype)


def _vision_config(preset: str | Mapping[str, int]) -> Qwen3VLVisionConfig:
    if isinstance(preset, str):
        if preset not in PRESETS:
            raise ConfigError(f'preset {preset!r} is none of {", ".join(PRESETS)}')
        preset = PRESETS[preset]
    return Qwen3VLVisionConfig(**preset)


def _check_taps(out_indices: Sequence[int] | None, depth: int) -> list[int]:
    if out_indices is None:
        return [round(i * (depth - 1) / 3) for i in range(4)]
    taps = list(out_indices)
    if not taps or taps != sorted(set(taps)) or taps[0] < 0 or taps[-1] >= depth:
        raise ConfigError(f'out_indices {taps} must rise within 0..{depth - 1}, the blocks of this encoder')
    return taps
