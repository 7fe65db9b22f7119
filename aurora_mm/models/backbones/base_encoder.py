"""The base of all encoders: what they declare, and how they are frozen and fine-tuned."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from aurora_mm.errors import ConfigError
from aurora_mm.models.backbones.lora import add_lora, plain_name
from aurora_mm.models.utils.model_weights import require_finite
from aurora_mm.models.utils.resample_cells import resample_cells

if TYPE_CHECKING:
    from typing_extensions import Self


class BaseEncoder(BaseModule, metaclass=ABCMeta):
    """The base of all encoders, which compute one map for each tap from RGB images scaled to [-1, 1].

    The layers of an encoder are numbered: layer 0 is everything before the first block (patch and position embeddings),
    layer i is the i-th of ``num_blocks`` blocks, layer ``num_blocks + 1`` is everything after the last block. Freezing,
    LoRA and layer-wise learning rate decay use these numbers.

    Attributes:
        out_channels (list[int]): Channels of each map.
        strides (list[int]): Input pixels per cell of each map.
        size_divisor (int): Height and width of the input are padded to multiples of this number of pixels.
        out_indices (list[int]): Indices of the taps, counted from 0.
        num_blocks (int): Number of blocks that are computed.
        fit_maps_to_image (bool): How the maps of a padded image are cut back, see :meth:`forward`.
        pretrained (str | Path | None): Where :meth:`init_weights` loads the weights from; None for random ones.
        norm_eval (bool): Whether BatchNorm stays in eval mode in training, see :meth:`train`.
    """

    out_channels: list[int]
    strides: list[int]
    size_divisor: int
    out_indices: list[int]
    num_blocks: int
    fit_maps_to_image: bool = False
    pretrained: str | Path | None = None
    norm_eval: bool = False
    scale: Tensor
    shift: Tensor

    @classmethod
    @abstractmethod
    def resolve(cls, pretrained: str) -> dict[str, Any]:
        """Return the arguments that build the encoder of ``pretrained`` without its weights.

        Args:
            pretrained: A folder or a hub id.

        Returns:
            Keyword arguments of the class.

        Raises:
            WeightsError: If there is no config at ``pretrained``, or it belongs to another model.
        """

    def init_weights(self) -> None:
        """Initialise the weights, then load those of ``pretrained``, all of which must fit.

        Raises:
            WeightsError: See :meth:`load_pretrained`; also if a weight is not finite.
        """
        super().init_weights()
        if self.pretrained is not None:
            self.load_pretrained(self.pretrained)
            require_finite(self.pretrained, self.state_dict())

    @abstractmethod
    def load_pretrained(self, pretrained: str | Path) -> None:
        """Load weights, all of which must fit.

        Args:
            pretrained: A folder, a file or a hub id, as ``pretrained`` of the class takes it.

        Raises:
            WeightsError: If they cannot be read, or a tensor is missing, has another shape or is unknown. The message
                names it.
        """

    def save_pretrained(self, folder: Path) -> None:
        """Write the weights as a folder that ``pretrained`` of an encoder of this class takes, atomically.

        Args:
            folder: Folder to create. It must not exist or be empty.

        Raises:
            OutputError: If it cannot be written.
            ConfigError: If this class has no such folders.
        """
        raise ConfigError(f'{type(self).__name__} has no save_pretrained, so its weights stay in checkpoints')

    @abstractmethod
    def layer_of(self, name: str) -> int:
        """Return the number of a parameter's layer, 0 to ``num_blocks + 1``, from its name within the encoder."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the maps of the taps.

        An image whose sides are not multiples of ``size_divisor`` is padded by zeros on the right and at the bottom.
        Its maps are then cut back to as many cells as cover the image. The last cells reach beyond it, and cell i still
        starts at pixel ``i * stride``, as detectors of mmdet expect. Segmentors of mmseg stretch maps over the image:
        with ``fit_maps_to_image`` the maps are resampled, bilinearly, so that the same number of cells covers exactly
        the image.

        Args:
            x: Images, ``(B, 3, h, w)``, RGB scaled to [-1, 1] (mean = std = 0.5).

        Returns:
            One map ``(B, out_channels[i], h / strides[i], w / strides[i])`` for each tap, with sides rounded up.
        """
        h, w = x.shape[-2:]
        right, bottom = -w % self.size_divisor, -h % self.size_divisor
        if not (right or bottom):
            return self.encode(x)
        maps = self.encode(F.pad(x, (0, right, 0, bottom)))
        cut = _fit_to_image if self.fit_maps_to_image else _cover_image
        return tuple(cut(level, (h, w), stride) for level, stride in zip(maps, self.strides, strict=True))

    @abstractmethod
    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the maps of images whose sides are multiples of ``size_divisor``; see :meth:`forward`."""

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Return the layer of a parameter and the number of layers: mmpretrain's interface for layer-wise decay.

        Args:
            param_name: Name of the parameter, with ``prefix``.
            prefix: Name of the encoder in the model, with its dot.

        Returns:
            The layer, from 0, and the number of layers, ``num_blocks + 2``.
        """
        return self.layer_of(plain_name(param_name.removeprefix(prefix))), self.num_blocks + 2

    def tune(self, frozen_stages: int, lora: Mapping[str, Any] | None) -> None:
        """Freeze layers and add LoRA; called at the end of ``__init__``.

        Args:
            frozen_stages: The last layer that is frozen; -1 freezes none.
            lora: Arguments of :func:`aurora_mm.models.backbones.lora.add_lora` from ``r`` on; None adds no LoRA.

        Raises:
            ConfigError: If there is no such layer, or LoRA cannot be added.
        """
        if lora is not None:
            block_of = {name: self.layer_of(f'{name}.weight') - 1 for name in self.linear_layers()}
            add_lora(self, block_of, self.num_blocks, **lora)
        self.freeze(frozen_stages)

    def freeze(self, frozen_stages: int) -> None:
        """Freeze the parameters of the first layers; others stay as they are.

        Args:
            frozen_stages: The last layer that is frozen; -1 freezes none.

        Raises:
            ConfigError: If there is no such layer.
        """
        if not -1 <= frozen_stages <= self.num_blocks:
            raise ConfigError(
                f'frozen_stages {frozen_stages} must be from -1 (nothing) over 0 (patches and positions) to '
                f'{self.num_blocks} (all blocks up to the last tap)'
            )
        for name, parameter in self.named_parameters():
            if self.layer_of(plain_name(name)) <= frozen_stages:
                parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Set the training mode; BatchNorm stays in eval mode with ``norm_eval``, and so does a frozen one."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, _BatchNorm) and (
                self.norm_eval or (module.affine and not module.weight.requires_grad)
            ):
                module.eval()
        return self

    def set_normalisation(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Set how :meth:`normalised` normalises images; called in ``__init__``.

        Args:
            mean: Mean of each channel, RGB in [0, 1].
            std: Standard deviation of each channel, RGB in [0, 1].
        """
        self.stats = [list(mean), list(std)]
        means, deviations = torch.tensor(self.stats)[..., None, None]
        # ((x + 1) / 2 - mean) / std
        self.register_buffer('scale', 0.5 / deviations, persistent=False)
        self.register_buffer('shift', (0.5 - means) / deviations, persistent=False)

    def normalised(self, x: Tensor) -> Tensor:
        """Normalise images ``(B, 3, h, w)``, RGB scaled to [-1, 1], as :meth:`set_normalisation` says."""
        return x * self.scale + self.shift

    def linear_layers(self) -> dict[str, nn.Linear]:
        """Return the linear layers of the blocks by name, with those that LoRA added."""
        return {
            name: module
            for name, module in self.named_modules()
            if isinstance(module, nn.Linear) and 1 <= self.layer_of(f'{name}.weight') <= self.num_blocks
        }

    def plain_parameters(self) -> dict[str, Tensor]:
        """Return the encoder's parameters without those of LoRA, by the names that they have without LoRA."""
        return {plain_name(name): p for name, p in self.named_parameters() if '.lora_' not in name}


def check_taps(out_indices: Sequence[int] | None, depth: int) -> list[int]:
    """Check the indices of the taps.

    Args:
        out_indices: Indices of blocks, counted from 0, in ascending order; None takes four blocks, evenly spaced from
            the first to the last.
        depth: Number of blocks.

    Returns:
        The indices.

    Raises:
        ConfigError: If they are empty, do not ascend or are out of range.
    """
    if out_indices is None:
        return [round(i * (depth - 1) / 3) for i in range(4)]
    taps = list(out_indices)
    if not taps or taps != sorted(set(taps)) or taps[0] < 0 or taps[-1] >= depth:
        raise ConfigError(f'out_indices {taps} must rise within 0..{depth - 1}, the maps that there are')
    return taps


def count_recomputed(with_cp: bool | int, num_blocks: int) -> int:
    """Return how many blocks, from the first on, are recomputed in the backward pass.

    Args:
        with_cp: True for all, False for none, or the number itself.
        num_blocks: Number of blocks.

    Raises:
        ConfigError: If the number is out of range.
    """
    if isinstance(with_cp, bool):
        return num_blocks if with_cp else 0
    if not 0 <= with_cp <= num_blocks:
        raise ConfigError(
            f'with_cp {with_cp} must be True, False, or from 0 to {num_blocks}, the blocks that there are'
        )
    return with_cp


def token_map(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Reshape tokens ``(B, H * W, C)`` in raster order to a map ``(B, C, H, W)``.

    The map is contiguous. Otherwise its memory format would be passed on by every convolution to heads that call
    ``view``, such as mmdet's CenterNet.
    """
    return tokens.transpose(1, 2).contiguous().unflatten(2, grid)


def _cover_image(level: Tensor, size: tuple[int, int], stride: int) -> Tensor:
    """Cut the map of a padded image to the cells that cover the image."""
    h, w = size
    return level[..., : -(-h // stride), : -(-w // stride)]


def _fit_to_image(level: Tensor, size: tuple[int, int], stride: int) -> Tensor:
    """Resample the map of a padded image so that cells of equal size cover exactly the image."""
    covered = _cover_image(level, size, stride)
    rows, columns = covered.shape[-2:]
    return resample_cells(level, (stride, stride), (size[0] / rows, size[1] / columns), (rows, columns))
