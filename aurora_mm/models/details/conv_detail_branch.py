"""Fine maps beside an encoder of coarse tokens."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from aurora_mm.models.layers import ResidualBlock, conv_gn_act
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
        channels: Of each map; the first has stride 4, each next one twice that of the one before.
        num_blocks: Residual blocks at each stride.

    Attributes:
        out_channels (list[int]), strides (list[int]): Declared for each map, finest first.
    """

    def __init__(
        self, channels: Sequence[int] = (32, 64, 96, 128), num_blocks: int = 1, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.out_channels = list(channels)
        self.strides = [4 * 2**i for i in range(len(self.out_channels))]
        self.stem = conv_gn_act(3, self.out_channels[0] // 2, stride=2)
        before = [self.out_channels[0] // 2, *self.out_channels[:-1]]
        self.stages = nn.ModuleList(
            nn.Sequential(conv_gn_act(c_in, c_out, stride=2), *(ResidualBlock(c_out) for _ in range(num_blocks)))
            for c_in, c_out in zip(before, self.out_channels, strict=True)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """One map ``(B, out_channels[i], h / strides[i], w / strides[i])`` a stride, for ``(B, 3, h, w)``."""
        x = self.stem(x)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return tuple(maps)
