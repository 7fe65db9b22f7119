"""Fine maps beside an encoder of coarse tokens."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.backbones.base_encoder import check_taps
from aurora_mm.models.utils.layers import ResidualBlock, conv_gn_act
from aurora_mm.registry import MODELS


@MODELS.register_module()
class ConvDetailBranch(BaseModule):
    """A small convolutional network on the image, from stride 4 on.

    A token of a plain transformer stands for 16 x 16 pixels, and edges within it are lost to a light pyramid. The
    branch keeps them, and learns from few images, since a convolution knows from the start that tissue looks alike
    wherever it lies. ViT-Adapter (https://arxiv.org/abs/2205.08534) has such a branch, and exchanges features with the
    encoder; here the neck alone joins the two, so that the encoder stays what it is.

    Legend: B images, h x w pixels.

    Args:
        channels: At each stride; the first is 4, each next one twice the one before.
        num_blocks: Residual blocks at each stride; one number for all, or one each.
        out_indices: Strides whose maps are put out, counted from 0; all by default.

    Attributes:
        out_channels (list[int]), strides (list[int]): Declared for each map, finest first.
    """

    def __init__(
        self,
        channels: Sequence[int] = (32, 64, 96, 128),
        num_blocks: int | Sequence[int] = 1,
        out_indices: Sequence[int] | None = None,
        init_cfg: dict | None = None,
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
        """Maps ``(B, out_channels[i], h / strides[i], w / strides[i])`` for ``(B, 3, h, w)``, finest first."""
        x = self.stem(x)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return tuple(maps[i] for i in self.out_indices)
