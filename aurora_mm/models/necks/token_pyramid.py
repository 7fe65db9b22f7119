"""The feature pyramid between a plain vision transformer and the heads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.utils.average_cells import average_cells
from aurora_mm.models.utils.layers import conv_gn_act
from aurora_mm.models.utils.resample_cells import resample_cells
from aurora_mm.registry import MODELS

_DOWNSAMPLERS = ('bilinear', 'avg_pool')


@MODELS.register_module()
class TokenPyramid(BaseModule):
    """Build levels of several strides from maps of one stride: project, resize, refine, then add from the top down.

    Level i is made from input map i. The published scales are 1, 1/2, 1/4 and 1/8 of the token grid. Finer levels, such
    as with scales 4, 2, 1, 1/2, are computed by transposed convolutions as in ViTDet
    (https://arxiv.org/abs/2203.16527).

    A grid of an odd number of cells has no half. A coarser level is rounded up, and then there are two places where
    its cells may lie. By default cell i begins at pixel ``i * stride`` and the last cell reaches beyond the image, as
    heads of mmdet and its own FPN have it. With ``fit_maps_to_image`` the cells of each level cover exactly the image,
    as the heads of this package and of mmseg and the detection transformers of mmdet have it. :class:`MultiTaskModel`
    sets this argument.

    Legend: B images, H x W tokens of an input map, C = ``out_channels``.

    Args:
        in_channels: Channels of each input map.
        out_channels: Channels of every level.
        scales: Size of each level relative to the token grid, one for each map of tokens: powers of two in descending
            order.
        in_strides: Input pixels per cell of each input map, or one number for all of them. If they differ (hierarchical
            encoders), ``scales`` are relative to a grid of stride :attr:`TOKEN_STRIDE`, so that the levels have the
            same strides as with a plain vision transformer.
        downsample: 'bilinear' (as published), or 'avg_pool' for the second published pyramid.
        num_refine: Number of blocks of 3 x 3 convolution, GroupNorm and SiLU at each level.
        num_outs: Number of levels; None makes one for each map of tokens. Each further level is made from the one
            before by a 3 x 3 convolution of stride 2, as in RetinaNet (https://arxiv.org/abs/1708.02002).
        num_details: How many of the first input maps belong to a detail branch (:class:`ConvDetailBranch`). Each is
            projected and added to the level of its stride before that level is refined. The other maps hold tokens.
        fit_maps_to_image: Whether the cells of each level cover exactly the image, see above; the input maps then
            have to as well. The argument of the encoders has the same name and default.
        init_cfg: Config of the initialisation, see MMEngine's ``BaseModule``.

    Attributes:
        out_channels (list[int]): Channels of each level, finest first.
        strides (list[int]): Input pixels per cell of each level.

    Raises:
        ConfigError: If the numbers of maps do not agree, scales or strides are not powers of two, or another argument
            is wrong.
    """

    TOKEN_STRIDE = 16

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int = 256,
        scales: Sequence[float] = (1, 1 / 2, 1 / 4, 1 / 8),
        in_strides: Sequence[int] | int = 16,
        downsample: str = 'bilinear',
        num_refine: int = 2,
        num_outs: int | None = None,
        num_details: int = 0,
        fit_maps_to_image: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        in_strides = [in_strides] * len(in_channels) if isinstance(in_strides, int) else list(in_strides)
        if not len(in_channels) == len(in_strides) == len(scales) + num_details:
            raise ConfigError(
                f'TokenPyramid makes one level a map of tokens: got in_channels {list(in_channels)}, in_strides '
                f'{in_strides}, scales {list(scales)} and num_details {num_details}'
            )
        if any(not _is_power_of_two(scale) for scale in scales) or list(scales) != sorted(scales, reverse=True):
            raise ConfigError(f'scales {list(scales)} must be powers of two, from the finest to the coarsest')
        extra = 0 if num_outs is None else num_outs - len(scales)
        if extra < 0:
            raise ConfigError(f'num_outs {num_outs} is less than the {len(scales)} levels of scales {list(scales)}')
        if downsample not in _DOWNSAMPLERS:
            raise ConfigError(f'downsample {downsample!r} is none of {", ".join(_DOWNSAMPLERS)}')
        self.in_channels = list(in_channels)
        detail_channels, in_channels = self.in_channels[:num_details], self.in_channels[num_details:]
        self.detail_strides, in_strides = in_strides[:num_details], in_strides[num_details:]
        base = in_strides[0] if len(set(in_strides)) == 1 else self.TOKEN_STRIDE
        # Relative to each level's own input map.
        self.scales = [Fraction(scale) * stride / base for scale, stride in zip(scales, in_strides, strict=True)]
        if any(not _is_power_of_two(scale) for scale in self.scales):
            raise ConfigError(f'in_strides {in_strides} must be equal or powers of two')
        self.downsample = downsample
        self.out_channels = [out_channels] * (len(scales) + extra)
        self.strides = [int(stride / scale) for stride, scale in zip(in_strides, self.scales, strict=True)]
        self.strides += [self.strides[-1] * 2**i for i in range(1, extra + 1)]
        self.detail_levels = [_nearest(stride, self.strides[: len(scales)]) for stride in self.detail_strides]
        self.fit_maps_to_image = fit_maps_to_image

        self.details = nn.ModuleList(nn.Conv2d(channels, out_channels, 1) for channels in detail_channels)
        self.projections = nn.ModuleList(nn.Conv2d(channels, out_channels, 1) for channels in in_channels)
        self.upsamplers = nn.ModuleList(self._upsampler(scale, out_channels) for scale in self.scales)
        self.refiners = nn.ModuleList(
            nn.Sequential(*(conv_gn_act(out_channels, out_channels) for _ in range(num_refine))) for _ in scales
        )
        self.outputs = nn.ModuleList(nn.Conv2d(out_channels, out_channels, 3, padding=1) for _ in scales)
        self.extra_levels = nn.ModuleList(
            nn.Conv2d(out_channels, out_channels, 3, stride=2, padding=1) for _ in range(extra)
        )

    @staticmethod
    def _upsampler(scale: Fraction, channels: int) -> nn.Module:
        layers: list[nn.Module] = []
        while scale > 1:
            if layers:
                layers.append(nn.GELU())
            layers.append(nn.ConvTranspose2d(channels, channels, 2, stride=2))
            scale /= 2
        return nn.Sequential(*layers)

    def _shrink(self, x: Tensor, scale: Fraction) -> Tensor:
        """Shrink a map, with its size rounded up; larger maps were made by the transposed convolutions."""
        if scale >= 1:
            return x
        times = int(1 / scale)
        h, w = map(int, x.shape[-2:])  # a side is a tensor while torch traces
        size = -(-h // times), -(-w // times)
        if self.downsample != 'avg_pool':
            return self._to_cells(x, 1, times, size)
        if not self.fit_maps_to_image:
            x = F.pad(x, (0, size[1] * times - w, 0, size[0] * times - h), mode='replicate')
        return average_cells(x, size)

    def _to_cells(self, x: Tensor, stride: int, new_stride: int, size: Sequence[int]) -> Tensor:
        """Resize a map to another stride and to ``size``, (rows, columns)."""
        old, new = ((int(sides[0]), int(sides[1])) for sides in (x.shape[-2:], size))
        same_area = all(a * stride == b * new_stride for a, b in zip(old, new, strict=True))
        if self.fit_maps_to_image or same_area:
            return x if old == new else F.interpolate(x, size=new, mode='bilinear', align_corners=False)
        return resample_cells(x, (stride, stride), (new_stride, new_stride), new)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Compute the levels.

        Args:
            inputs: Maps ``(B, in_channels[i], H, W)``.

        Returns:
            Levels ``(B, C, H * scale, W * scale)``, finest first, with sides rounded up.

        Raises:
            ConfigError: If the number of maps differs from that of ``in_channels``.
        """
        if len(inputs) != len(self.in_channels):
            raise ConfigError(
                f'TokenPyramid was built for {len(self.in_channels)} maps (in_channels {self.in_channels}) and got '
                f'{len(inputs)}: tap as many blocks of the backbone (out_indices)'
            )
        details, tokens = inputs[: len(self.details)], inputs[len(self.details) :]
        levels = [
            self._shrink(self.upsamplers[i](self.projections[i](x)), self.scales[i]) for i, x in enumerate(tokens)
        ]
        for i, x in enumerate(details):
            target = self.detail_levels[i]
            stride, size = self.strides[target], levels[target].shape[-2:]
            levels[target] = levels[target] + self._to_cells(self.details[i](x), self.detail_strides[i], stride, size)
        levels = [refine(level) for refine, level in zip(self.refiners, levels, strict=True)]
        for i in range(len(levels) - 1, 0, -1):
            strides, size = (self.strides[i], self.strides[i - 1]), levels[i - 1].shape[-2:]
            levels[i - 1] = levels[i - 1] + self._to_cells(levels[i], *strides, size)
        levels = [output(level) for output, level in zip(self.outputs, levels, strict=True)]
        for shrink in self.extra_levels:
            levels.append(self._halved(shrink, levels[-1]))
        return tuple(levels)

    def _halved(self, shrink: nn.Module, x: Tensor) -> Tensor:
        """Compute the level after ``x`` by a convolution of stride 2; its cells begin at every second of ``x``."""
        level = shrink(x)
        (h, w), (rows, columns) = (tuple(map(int, sides)) for sides in (x.shape[-2:], level.shape[-2:]))
        if self.fit_maps_to_image and (h, w) != (2 * rows, 2 * columns):
            return resample_cells(level, (2, 2), (h / rows, w / columns), (rows, columns))
        return level


def _is_power_of_two(scale: float | Fraction) -> bool:
    return scale > 0 and math.log2(scale).is_integer()


def _nearest(stride: int, strides: Sequence[int]) -> int:
    """Return the index of the stride with the smallest ratio to ``stride``, in powers of two."""
    return min(range(len(strides)), key=lambda i: abs(math.log2(strides[i] / stride)))
