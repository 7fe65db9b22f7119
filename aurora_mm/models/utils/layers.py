"""Small layers that the neck and the heads share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from aurora_mm.models.utils.cells import cell_centres
from aurora_mm.models.utils.containers import ModuleDict
from aurora_mm.models.utils.without_autocast import without_autocast
from aurora_mm.structures import TaskBatch
from aurora_mm.tasks import Task


def conv_gn_act(in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1) -> ConvModule:
    """Build a block of convolution, GroupNorm and SiLU, as in the published neck and heads.

    The size of the map changes only by the stride. Groups have about 8 channels, like the 32 groups of the published
    256 channels: a group of one channel would always be 0 on a map of 1 x 1.
    """
    groups = next(g for g in range(max(out_channels // 8, 1), 0, -1) if out_channels % g == 0)
    return ConvModule(
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding=kernel_size // 2,
        norm_cfg=dict(type=GroupNorm, num_groups=groups),
        act_cfg=dict(type='SiLU'),
        inplace=False,  # in place, SiLU keeps a copy of its input for the backward pass
    )


class GroupNorm(nn.GroupNorm):
    """Group norm that returns the dtype of its input, with the arguments in the order in which mmcv gives them.

    Autocast on CUDA would cast the input to fp32 and return fp32, which the next convolution casts back. These passes
    over memory take longer than the norm, which computes in fp32 anyway.
    """

    def __init__(self, num_channels: int, num_groups: int, **kwargs: Any) -> None:
        super().__init__(num_groups, num_channels, **kwargs)

    def forward(self, x: Tensor) -> Tensor:
        with without_autocast(x):
            return F.group_norm(x, self.num_groups, self.weight.to(x.dtype), self.bias.to(x.dtype), self.eps)


class ResidualBlock(nn.Module):
    """Adds the result of two convolutions, each with GroupNorm and SiLU, to its input ``(B, C, h, w)``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(conv_gn_act(channels, channels), conv_gn_act(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.convs(x)


class TopDownFusion(nn.Module):
    """Fuses levels to one map of the finest level's size, from the coarsest level to the finest.

    Args:
        in_channels: Channels of each level, finest first.
        channels: Channels of the result.
        margin: Number of cells by which the result extends beyond each side of the image. The finest map is extended
            before its convolution, so that cells of the margin differ from those at the border.
    """

    def __init__(self, in_channels: Sequence[int], channels: int, margin: int = 0) -> None:
        super().__init__()
        self.margin = margin
        self.laterals = nn.ModuleList(conv_gn_act(c, channels, 1) for c in in_channels)
        self.fusions = nn.ModuleList(conv_gn_act(channels, channels) for _ in in_channels[1:])

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Fuse levels.

        Args:
            levels: ``(B, in_channels[i], h_i, w_i)``, finest first.

        Returns:
            ``(B, channels, h_0 + 2 margin, w_0 + 2 margin)``.
        """
        maps = [lateral(level) for lateral, level in zip(self.laterals, levels, strict=True)]
        x = maps.pop()
        for i in reversed(range(len(maps))):
            x = F.interpolate(x, size=maps[i].shape[-2:], mode='bilinear', align_corners=False) + maps[i]
            if i == 0:
                x = pad_replicate(x, self.margin)
            x = self.fusions[i](x)
        return x if maps else pad_replicate(x, self.margin)


def pad_replicate(x: Tensor, margin: int) -> Tensor:
    """Repeat the outermost cells: ``(B, C, h, w)`` -> ``(B, C, h + 2 margin, w + 2 margin)``.

    The result is that of ``F.pad(..., mode='replicate')``, whose gradient is not deterministic on CUDA.
    """
    if not margin:
        return x
    left, right = (side.expand(-1, -1, -1, margin) for side in (x[..., :1], x[..., -1:]))
    x = torch.cat([left, x, right], dim=3)
    top, bottom = (side.expand(-1, -1, margin, -1) for side in (x[:, :, :1], x[:, :, -1:]))
    return torch.cat([top, x, bottom], dim=2)


class TaskOutputs(nn.Module):
    """The last layer of a head: one for each task, or one of which each task takes a slice.

    With one layer for each task, tasks share the other layers of the head, but no output channel. ``shared=True`` is
    the published way, kept for comparison: one layer with the channels of the largest task. A task takes its first
    channels, so the 'foreground' of all tasks shares one channel.

    Args:
        tasks: The tasks of the head.
        build: Builds the layer for a number of output channels: an ``nn.Linear`` or a 1 x 1 ``nn.Conv2d``.
        channels_of: Returns the number of output channels of a task.
        shared: Whether all tasks take slices of one layer.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        build: Callable[[int], nn.Linear | nn.Conv2d],
        channels_of: Callable[[Task], int],
        shared: bool = False,
    ) -> None:
        super().__init__()
        self.channels = {task.name: channels_of(task) for task in tasks}
        self.shared = shared
        if shared:
            self.layer = build(max(self.channels.values()))
        else:
            self.layers: ModuleDict[nn.Linear | nn.Conv2d] = ModuleDict(
                {name: build(channels) for name, channels in self.channels.items()}
            )

    def forward(self, x: Tensor, batches: Sequence[TaskBatch]) -> list[Tensor]:
        """Compute the outputs of some tasks by one call of one layer.

        Args:
            x: Shared features of all images, ``(B, C, ...)``.
            batches: The tasks, with the indices of their images.

        Returns:
            The outputs of each task for its n images, ``(n, channels, ...)``.
        """
        if self.shared:
            out = self.layer(x)
            return [batch.take(out[:, : self.channels[batch.task.name]]) for batch in batches]
        layers = [self.layers[batch.task.name] for batch in batches]
        if len(layers) == 1:
            return [layers[0](batches[0].take(x))]
        # The layers of the given tasks, concatenated. The layer of another task gets no gradient, not even one of 0.
        weight = torch.cat([layer.weight for layer in layers])
        bias = torch.cat([layer.get_parameter('bias') for layer in layers])
        out = F.linear(x, weight, bias) if weight.dim() == 2 else F.conv2d(x, weight, bias)
        parts = out.split([self.channels[batch.task.name] for batch in batches], dim=1)
        return [batch.take(part) for batch, part in zip(batches, parts, strict=True)]


def coordinate_channels(like: Tensor) -> Tensor:
    """Return x and y of each cell's centre, ``(B, 2, h, w)``, from -1 (left, top) to 1 (right, bottom)."""
    b, _, h, w = like.shape
    xs, ys = (2 * cell_centres(cells, like) - 1 for cells in (w, h))
    grid = torch.stack([xs.expand(h, w), ys[:, None].expand(h, w)])
    return grid.expand(b, 2, h, w)
