"""The layers of the Qwen3-VL visual encoder, for tokens in raster order.

Legend: B images, H x W = N tokens, C channels, D channels of an attention head. Parameters have the names they have in
transformers.

Apart from matrix products and attention, a block only reads and writes memory, which on a GPU can take longer than the
products. So no tensor is copied to another layout, or cast to fp32 and back: norms and rotary positions compute in fp32
inside their kernels and round once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from transformers.activations import ACT2FN
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLVisionConfig

from aurora_mm.errors import ConfigError
from aurora_mm.models.utils.without_autocast import without_autocast

# Cosines (N, 1, 1, D / 2) and signed sines (N, 1, 2, D / 2) of the rotary angles, see `axial_rope`.
Rope = tuple[Tensor, Tensor]


class PatchEmbed(nn.Module):
    """Project ``(B, 3, h, w)`` to tokens ``(B, N, C)`` by a convolution over the patches.

    The published kernel also covers two video frames. A still image fills both, so the kernel here is their sum.
    """

    def __init__(self, config: Qwen3VLVisionConfig) -> None:
        super().__init__()
        patch = patch_side(config)
        self.proj = nn.Conv2d(config.in_channels, config.hidden_size, kernel_size=patch, stride=patch)

    def forward(self, x: Tensor) -> Tensor:
        # Contiguous: later sums keep this layout, and norms and matrix products are slow on any other.
        return self.proj(x).flatten(2).transpose(1, 2).contiguous()


def patch_side(config: Qwen3VLVisionConfig) -> int:
    """Return the side of a patch, in pixels; a config of transformers gives one side or both.

    Raises:
        ConfigError: If the patches are not square.
    """
    sides = {config.patch_size} if isinstance(config.patch_size, int) else set(config.patch_size)
    if len(sides) > 1:
        raise ConfigError(f'patch_size {config.patch_size}: this encoder has square patches')
    return sides.pop()


class Block(nn.Module):
    """Transformer block with pre-norm, on ``(B, N, C)``."""

    def __init__(self, config: Qwen3VLVisionConfig) -> None:
        super().__init__()
        self.norm1 = LayerNorm(config.hidden_size, eps=1e-6)
        self.attn = Attention(config)
        self.norm2 = LayerNorm(config.hidden_size, eps=1e-6)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, rope: Rope) -> Tensor:
        x = x + self.attn(self.norm1(x), rope)
        return x + self.mlp(self.norm2(x))


class LayerNorm(nn.LayerNorm):
    """Layer norm that returns the dtype of its input.

    Autocast on CUDA would cast the input to fp32 and return fp32, which the next matrix product casts back.
    """

    def forward(self, x: Tensor) -> Tensor:
        with without_autocast(x):
            return F.layer_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.bias.to(x.dtype), self.eps)


class Attention(nn.Module):
    """Global self-attention with rotary positions, one call for the whole batch."""

    def __init__(self, config: Qwen3VLVisionConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor, rope: Rope) -> Tensor:
        qkv = self.qkv(x).unflatten(2, (3, self.num_heads, -1))  # (B, N, 3, heads, D)
        q, k, v = (part.transpose(1, 2) for part in rotate(qkv, rope))  # (B, heads, N, D), views of one tensor
        x = F.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).flatten(2))  # (B, N, C), a view: attention writes its output in this order


class MLP(nn.Module):
    """Two linear layers with an activation between them, applied to each token."""

    def __init__(self, config: Qwen3VLVisionConfig) -> None:
        super().__init__()
        self.linear_fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.act_fn = ACT2FN[config.hidden_act]
        self.linear_fc2 = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_fc2(self.act_fn(self.linear_fc1(x)))


def rotate(qkv: Tensor, rope: Rope) -> tuple[Tensor, ...]:
    """Apply rotary positions to queries and keys, computed in fp32 and rounded once.

    Channels i and i + D / 2 form a pair (a, b), which is rotated like a complex number, to ``a cos - b sin`` and
    ``b cos + a sin``.

    Args:
        qkv: ``(B, N, 3, heads, D)``. It is overwritten unless ``torch.compile`` traces: the linear layer before it does
            not need it for its backward pass. (Autograd raises an error for a layer that does.)
        rope: See :func:`axial_rope`.

    Returns:
        Queries, keys and values, ``(B, N, heads, D)`` each.
    """
    if torch.compiler.is_compiling():
        q, k, v = qkv.unbind(2)
        return _rotate(q, rope), _rotate(k, rope), v
    return _RotateInPlace.apply(qkv, *rope)


def _rotate(x: Tensor, rope: Rope) -> Tensor:
    """Rotate ``(B, N, heads, D)`` by one expression, which ``torch.compile`` turns into one kernel."""
    cos, sin = rope
    pairs = x.unflatten(-1, (2, -1))  # (B, N, heads, 2, D / 2)
    return (pairs * cos + pairs.flip(-2) * sin).flatten(-2).to(x.dtype)


class _RotateInPlace(torch.autograd.Function):
    """Rotate by few kernels without ``torch.compile``; only the output ``qkv`` is kept for the backward pass."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(cos, sin)
        _rotate_into(qkv[:, :, :2], qkv[:, :, :2], (cos, sin))
        return qkv.unbind(2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dq: Tensor, dk: Tensor, dv: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        back = (cos, sin.flip(2))  # by the negative angles
        b, n, heads, d = dq.shape
        dqkv = dq.new_empty(b, n, 3, heads, d)
        _rotate_into(dqkv[:, :, :1], dq.unsqueeze(2), back)
        _rotate_into(dqkv[:, :, 1:2], dk.unsqueeze(2), back)
        dqkv[:, :, 2] = dv
        return dqkv, None, None


def _rotate_into(out: Tensor, x: Tensor, rope: Rope) -> None:
    """Rotate x, ``(B, N, n, heads, D)``, and write the result to ``out``, which may be x itself."""
    cos, sin = rope
    minus_sin, plus_sin = sin.chunk(2, dim=2)  # (N, 1, 1, D / 2) each, as cos
    a, b = x.chunk(2, dim=-1)
    out_a, out_b = out.chunk(2, dim=-1)
    # In fp32, as cos and sin are, and both before `a` may be overwritten.
    a_cos, a_sin = a * cos, a * plus_sin
    torch.addcmul(a_cos, b, minus_sin, out=out_a)  # rounded to the dtype of `out` as it is written
    torch.addcmul(a_sin, b, cos, out=out_b)


def axial_rope(grid: tuple[int, int], head_dim: int, theta: float, device: torch.device) -> Rope:
    """Return cosines and sines of the rotary angles of a grid's cells in raster order.

    The first half of the pairs rotates with the row, the second with the column. The result is cached for each grid and
    device, except while ``torch.compile`` traces, which would put its fake tensors into the cache.

    Args:
        grid: Number of tokens ``(H, W)``.
        head_dim: D, a multiple of 4.
        theta: Base of the frequencies.
        device: Device of the result.

    Returns:
        Cosines ``(N, 1, 1, D / 2)`` and sines ``(N, 1, 2, D / 2)`` in fp32, which broadcast against pairs
        ``(B, N, heads, 2, D / 2)``; the sines of the first of a pair are negated.
    """
    if torch.compiler.is_compiling():
        return _axial_rope(grid, head_dim, theta, device)
    return _cached_axial_rope(grid, head_dim, theta, device)


@torch.inference_mode(False)  # the cached tables may be used in training later
def _axial_rope(grid: tuple[int, int], head_dim: int, theta: float, device: torch.device) -> Rope:
    frequency = theta ** -(torch.arange(head_dim // 4, dtype=torch.float32, device=device) / (head_dim // 4))
    rows = torch.arange(grid[0], dtype=torch.float32, device=device)[:, None] * frequency  # (H, D / 4)
    columns = torch.arange(grid[1], dtype=torch.float32, device=device)[:, None] * frequency  # (W, D / 4)
    angles = torch.cat([rows.repeat_interleave(grid[1], dim=0), columns.repeat(grid[0], 1)], dim=1)  # (N, D / 2)
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]
    return cos[:, None], torch.stack([-sin, sin], dim=2)


_cached_axial_rope = lru_cache(maxsize=64)(_axial_rope)
