"""What every encoder declares, and how it is frozen and tuned."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.backbones.lora import add_lora, plain_name


class BaseEncoder(BaseModule, metaclass=ABCMeta):
    """An encoder gives one map a tap for RGB images scaled to [-1, 1].

    Its layers are ordered: layer 0 is everything before the first block (patches, positions), layer i the i-th of
    ``num_blocks`` blocks, layer ``num_blocks + 1`` what follows the last. Freezing, LoRA and the layer-wise decay of
    the learning rate all go by this order.

    Attributes:
        out_channels (list[int]): Channels of each map.
        strides (list[int]): Input pixels per cell of each map.
        size_divisor (int): Height and width of the input are padded to multiples of it.
        out_indices (list[int]): The taps.
        num_blocks (int): Blocks that are computed.
    """

    out_channels: list[int]
    strides: list[int]
    size_divisor: int
    out_indices: list[int]
    num_blocks: int

    @classmethod
    @abstractmethod
    def resolve(cls, pretrained: str) -> dict:
        """The arguments that build this encoder as ``pretrained`` has it, when the weights are not at hand.

        Raises:
            WeightsError: If there is no config at ``pretrained``, or it is of another model.
        """

    @abstractmethod
    def layer_of(self, name: str) -> int:
        """The layer, 0 to ``num_blocks + 1``, of a parameter by its name within the encoder."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Maps of the tapped blocks.

        An image whose sides are no multiples of ``size_divisor`` is padded by zeros on the right and at the bottom, and
        its maps are cut back to the cells that see some of it.

        Args:
            x: ``(B, 3, h, w)`` RGB scaled to [-1, 1] (mean = std = 0.5).

        Returns:
            One map ``(B, out_channels[i], h / strides[i], w / strides[i])`` a tap, sides rounded up.
        """
        h, w = x.shape[-2:]
        right, bottom = -w % self.size_divisor, -h % self.size_divisor
        if not (right or bottom):
            return self.encode(x)
        maps = self.encode(F.pad(x, (0, right, 0, bottom)))
        return tuple(
            level[..., : -(-h // stride), : -(-w // stride)] for level, stride in zip(maps, self.strides, strict=True)
        )

    @abstractmethod
    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """Maps as :meth:`forward` gives them, of an image whose sides are multiples of ``size_divisor``."""

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """A parameter's layer and the number of layers: mmpretrain's interface for layer-wise decay.

        Args:
            param_name: Name of the parameter, with ``prefix``. prefix: Name of the encoder in the model, with its dot.
        """
        return self.layer_of(plain_name(param_name.removeprefix(prefix))), self.num_blocks + 2

    def tune(self, frozen_stages: int, lora: Mapping | None) -> None:
        """Sets what learns; to be called at the end of ``__init__``.

        Args:
            frozen_stages: The last layer that is frozen; -1 for none.
            lora: Arguments of :func:`aurora_mm.models.backbones.lora.add_lora`, or None.
        """
        if not -1 <= frozen_stages <= self.num_blocks:
            raise ConfigError(
                f'frozen_stages {frozen_stages} must be from -1 (nothing) over 0 (patches and positions) to '
                f'{self.num_blocks} (all blocks up to the last tap)'
            )
        if lora is not None:
            add_lora(self, **lora)
        for name, parameter in self.named_parameters():
            if self.layer_of(plain_name(name)) <= frozen_stages:
                parameter.requires_grad_(False)

    def linear_layers(self) -> dict[str, nn.Linear]:
        """The linear layers of the blocks by name, LoRA's own among them."""
        return {
            name: module
            for name, module in self.named_modules()
            if isinstance(module, nn.Linear) and 1 <= self.layer_of(f'{name}.weight') <= self.num_blocks
        }

    def plain_parameters(self) -> dict[str, Tensor]:
        """The encoder's own parameters by the names they have without LoRA."""
        return {plain_name(name): p for name, p in self.named_parameters() if '.lora_' not in name}


def check_taps(out_indices: Sequence[int] | None, depth: int) -> list[int]:
    """The tapped blocks, counted from 0 and rising; four, evenly spaced from the first to the last, for None."""
    if out_indices is None:
        return [round(i * (depth - 1) / 3) for i in range(4)]
    taps = list(out_indices)
    if not taps or taps != sorted(set(taps)) or taps[0] < 0 or taps[-1] >= depth:
        raise ConfigError(f'out_indices {taps} must rise within 0..{depth - 1}, the maps that there are')
    return taps


def count_recomputed(with_cp: bool | int, num_blocks: int) -> int:
    """How many blocks, from the first on, are recomputed in the backward pass: all for True, none for False."""
    if isinstance(with_cp, bool):
        return num_blocks if with_cp else 0
    if not 0 <= with_cp <= num_blocks:
        raise ConfigError(
            f'with_cp {with_cp} must be True, False, or from 0 to {num_blocks}, the blocks that there are'
        )
    return with_cp


def token_map(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """``(B, H * W, C)`` tokens in raster order as a ``(B, C, H, W)`` map.

    Contiguous, because strides would go on through every convolution to heads that take a ``view``, as mmdet's
    CenterNet does.
    """
    return tokens.transpose(1, 2).contiguous().unflatten(2, grid)
