"""The parts of the Qwen3-VL visual encoder, on tokens in raster order.

Legend: B images, N tokens, C channels, D channels of a head. Parameters carry transformers' names.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.activations import ACT2FN
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLVisionConfig

Rope = tuple[Tensor, Tensor]


class PatchEmbed(nn.Module):
    """``(B, 3, h, w)`` to tokens ``(B, N, C)``: one matrix product over the patches' pixels.

    The published kernel also spans two frames; a still image fills both, so their sum is the kernel here.
    """

    def __init__(self, config: Qwen3VLVisionConfig) -> None:
        super().__init__()
        patch = config.patch_size
        self.proj = nn.Conv2d(config.in_channels, config.hidden_size, kernel_size=patch, stride=patch)

    def forward(self, x: Tensor) -> Tensor:
        # Contiguous, because every later sum takes over this layout, and norms and products would stride through it.
        return self.proj(x).flatten(2).transpose(1, 2).contiguous()


class Block(nn.Module):
    """Pre-norm transformer block on ``(B, N, C)``."""

    def __init__(self, config: Qwen3VLVisionConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.hidden_size, eps=1e-6)
        self.attn = Attention(config)
        self.norm2 = nn.LayerNorm(config.hidden_size, eps=1e-6)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, rope: Rope) -> Tensor:
        x = x + self.attn(self.norm1(x), rope)
        return x + self.mlp(self.norm2(x))


class Attention(nn.Module):
    """Global self-attention with rotary positions, one call for the batch."""

    def __init__(self, config: Qwen3VLVisionConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor, rope: Rope) -> Tensor:
        qkv = self.qkv(x).unflatten(2, (3, self.num_heads, -1))  # (B, N, 3, heads, D)
        q, k = rotate(qkv[:, :, :2], rope).transpose(1, 3).unbind(2)  # (B, heads, N, D) each
        v = qkv[:, :, 2].transpose(1, 2)
        x = F.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """Two linear layers on each token."""

    def __init__(self, config: Qwen3VLVisionConfig) -> None:
        super().__init__()
        self.linear_fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.act_fn = ACT2FN[config.hidden_act]
        self.linear_fc2 = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_fc2(self.act_fn(self.linear_fc1(x)))


def rotate(x: Tensor, rope: Rope) -> Tensor:
    """Rotary positions on ``(B, N, 2, heads, D)``, in fp32 whatever the input, as transformers has it."""
    cos, sin = rope  # (N, 1, 1, D / 2) each
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).to(x.dtype)


def axial_rope(grid: tuple[int, int], head_dim: int, theta: float, device: torch.device) -> Rope:
    """Cosine and sine of the rotary angles of a grid's cells in raster order, ``(N, 1, 1, D / 2)`` each.

    The first half of the angles turns with the row, the second with the column. Computed once a grid and device, but
    anew where a compiler watches: it would keep its stand-ins for tensors in the cache.
    """
    if torch.compiler.is_compiling():
        return _axial_rope(grid, head_dim, theta, device)
    return _cached_axial_rope(grid, head_dim, theta, device)


def _axial_rope(grid: tuple[int, int], head_dim: int, theta: float, device: torch.device) -> Rope:
    frequency = theta ** -(torch.arange(head_dim // 4, dtype=torch.float32) / (head_dim // 4))
    rows, columns = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing='ij')
    angles = torch.cat([rows.reshape(-1, 1) * frequency, columns.reshape(-1, 1) * frequency], dim=1)[:, None, None]
    return angles.cos().to(device), angles.sin().to(device)


_cached_axial_rope = lru_cache(maxsize=64)(_axial_rope)
