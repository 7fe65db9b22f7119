"""A convolutional branch that adds fine maps to those of an encoder with coarse tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.backbones.base_encoder import check_taps
from aurora_mm.models.utils.layers import ResidualBlock, conv_gn_act
from aurora_mm.registry import MODELS


@MODELS.register_module()
class ConvDetailBranch(BaseModule):
    """A small convolutional network that computes maps of the image from stride 4 on.

    A token of a plain vision transformer covers 16 x 16 pixels, so edges within it are lost in a small pyramid. This
    branch keeps them. It learns from few images, because a convolution treats tissue alike wherever it lies.
    ViT-Adapter (https://arxiv.org/abs/2205.08534) has such a branch and exchanges features with the encoder; here only
    the neck combines the two, and the encoder stays unchanged.

    Legend: B images, h x w pixels.

    Args:
        channels: Channels of the map at each stride. The first stride is 4, each next one is twice the one before.
        num_blocks: Number of residual blocks at each stride, or one number for all strides.
        out_indices: Indices of the maps that are returned, counted from 0; all by default.

    Attributes:
        out_channels (list[int]): Channels of each returned map, finest first.
        strides (list[int]): Input pixels per cell of each returned map.

    Raises:
        ConfigError: If the numbers of ``channels``, ``num_blocks`` and ``out_indices`` do not agree.
    """

    def __init__(
        self,
        channels: Sequence[int] = (32, 64, 96, 128),
        num_blocks: int | Sequence[int] = 1,
        out_indices: Sequence[int] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        blocks = [num_blocks] * len(channels) if isinstance(num_blocks, int) else list(num_blocks)
        if len(blocks) != len(channels):
            raise ConfigError(f'num_blocks {blocks} must be one number, or one for each of channels {list(channels)}')
        self.out_indices = check_taps(range(len(channels)) if out_indices is None else out_indices, len(channels))
        self.out_channels = [channels[i] for i in self.out_indices]
        self.strides = [4 * 2**i for i in self.out_indices]
        self.stem = conv_gn_act(3, channels[0] // 2, stride=2)
        before = [channels[0] // 2, *channels[:-1]]
        self.stages = nn.ModuleList(
            nn.Sequential(conv_gn_act(c_in, c_out, stride=2), *(ResidualBlock(c_out) for _ in range(n)))
            for c_in, c_out, n in zip(before, channels, blocks, strict=True)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute maps ``(B, out_channels[i], h / strides[i], w / strides[i])`` of ``(B, 3, h, w)``, finest first."""
        x = self.stem(x)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return tuple(maps[i] for i in self.out_indices)
