"""The base of the formats of published weights."""

from __future__ import annotations

import math
import re
from abc import ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.utils import first_few

_NAMED = 5  # how many tensors of a kind a message names

# Mean and std of RGB in [0, 1].
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


class Part(NamedTuple):
    """What becomes of a tensor of a file.

    Attributes:
        shape: The shape that it must have.
        names: Its name in transformers. Several names take equal parts of it along the first axis.
    """

    shape: tuple[int, ...]
    names: tuple[str, ...]


class Sizes(NamedTuple):
    """Sizes of a vision transformer.

    Attributes:
        width: Channels of a token.
        depth: Number of blocks.
        mlp: Channels inside the MLP of a block.
        patch: Side of a patch in pixels.
        grid: Patches along a side of the images that the positions were trained with.
        heads: Attention heads of a block.
    """

    width: int
    depth: int
    mlp: int
    patch: int
    grid: int
    heads: int


class WeightFormat(metaclass=ABCMeta):
    """The layout of a published file of weights, and how it becomes a checkpoint of transformers.

    A subclass declares the attributes, and :meth:`layout` maps every tensor that the image encoder has. All others in
    a file must match a pattern of ``left_out`` or of ``beside``.

    Attributes:
        model_type (str): Key of the model in transformers and in ``HFBackbone``.
        architecture (str): Class of the model in transformers.
        containers (tuple[str, ...]): Keys under which the file may keep its tensors.
        prefixes (tuple[str, ...]): Prefixes that names of the image encoder's tensors may have; the first one under
            which the file has ``patch_embedding`` is removed.
        patch_embedding (str): Name of the kernel of the patch embedding, ``(width, 3, patch, patch)``.
        mlp (str): Name of the first weight of the MLP of block 0, ``(mlp, width)``.
        block (str): Pattern that finds the index of a block in a name.
        left_out (tuple[str, ...]): Patterns of whole names, without prefix, of tensors that have the prefix and are not
            used.
        beside (tuple[str, ...]): Patterns of whole names of tensors that do not have the prefix, which are those of
            other parts of a model.
        heads (Mapping[int, int]): Number of attention heads by width, where tensors do not tell it.
        act (str): Activation of the MLP, as transformers calls it.
        eps (float): Epsilon of the layer norms.
        mean (Sequence[float]): Mean of each channel, RGB in [0, 1], by which images are normalised.
        std (Sequence[float]): Standard deviation of each channel.
        licence (str): What is known of the licence of the weights.
    """

    model_type: str
    architecture: str
    containers: tuple[str, ...] = ('model', 'state_dict')
    prefixes: tuple[str, ...] = ('',)
    patch_embedding: str
    mlp: str
    block: str
    left_out: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    heads: Mapping[int, int] = {}
    act: str = 'gelu'
    eps: float = 1e-6
    mean: Sequence[float]
    std: Sequence[float]
    licence: str

    @abstractmethod
    def layout(self, sizes: Sizes, names: Sequence[str]) -> dict[str, Part]:
        """Return what becomes of each tensor of the image encoder, by its name in the file without prefix.

        Args:
            sizes: Sizes of the encoder.
            names: Names in the file without prefix, for a layout with variants.
        """

    @abstractmethod
    def find_grid(self, shapes: Mapping[str, tuple[int, ...]]) -> float:
        """Return the number of patches along a side, which is not whole if the positions fit no square.

        Args:
            shapes: Shapes by the names in the file without prefix.
        """

    def find_heads(self, shapes: Mapping[str, tuple[int, ...]], width: int) -> int | None:
        """Return the number of attention heads, or None if neither the tensors nor the format tell it."""
        return self.heads.get(width)

    def config(self, sizes: Sizes, names: Sequence[str]) -> dict[str, Any]:
        """Return the values of ``config.json``; subclasses add those that only their model has."""
        return dict(
            model_type=self.model_type,
            architectures=[self.architecture],
            hidden_size=sizes.width,
            num_hidden_layers=sizes.depth,
            num_attention_heads=sizes.heads,
            intermediate_size=sizes.mlp,
            patch_size=sizes.patch,
            image_size=sizes.patch * sizes.grid,
            hidden_act=self.act,
            layer_norm_eps=self.eps,
        )

    def select(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the tensors of the image encoder, by name without prefix.

        Args:
            tensors: The tensors of a file.

        Raises:
            WeightsError: If there is no patch embedding, so that the file has another layout, or a tensor without the
                prefix is unknown.
        """
        prefix = next((p for p in self.prefixes if p + self.patch_embedding in tensors), None)
        if prefix is None:
            raise WeightsError(f'it has no tensor {self.patch_embedding}; it has {first_few(list(tensors), _NAMED)}')
        unknown = [name for name in tensors if not name.startswith(prefix) and not _matches(name, self.beside)]
        if unknown:
            raise WeightsError(f'unknown: {first_few(unknown, _NAMED)}')
        return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

    def measure(self, tensors: Mapping[str, Tensor], heads: int | None = None) -> Sizes:
        """Read the sizes of the encoder off the shapes of its tensors.

        Args:
            tensors: Tensors by name without prefix.
            heads: Number of attention heads, where it is not the usual one.

        Raises:
            WeightsError: If a tensor that tells a size is missing or has another number of dimensions.
            ConfigError: If the number of heads is not known, or does not divide the width.
        """
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        width, _, patch, _ = self.shape_of(shapes, self.patch_embedding, 4)
        inside, _ = self.shape_of(shapes, self.mlp, 2)
        grid = self.find_grid(shapes)
        if grid != int(grid) or grid < 1:
            raise WeightsError('its positions are not those of a square grid of patches')
        heads = self.find_heads(shapes, width) if heads is None else heads
        if heads is None:
            raise ConfigError(
                f'the file does not tell the number of attention heads of an encoder {width} wide: --heads'
            )
        if heads < 1 or width % heads:
            raise ConfigError(f'{heads} attention heads do not divide {width} channels')
        depth = 1 + max(int(found[1]) for name in shapes if (found := re.match(self.block, name)))
        if depth > len(shapes):  # each block has several tensors
            raise WeightsError(f'missing: tensors of most of its {depth} blocks')
        return Sizes(width, depth, inside, patch, int(grid), heads)

    @staticmethod
    def shape_of(shapes: Mapping[str, tuple[int, ...]], name: str, ndim: int) -> tuple[int, ...]:
        """Return the shape of a tensor.

        Raises:
            WeightsError: If there is no such tensor, or it has another number of dimensions.
        """
        if name not in shapes:
            raise WeightsError(f'missing: {name}')
        if len(shapes[name]) != ndim:
            raise WeightsError(f'{name} is {shapes[name]} and has not {ndim} dimensions')
        return shapes[name]

    def rename(self, tensors: Mapping[str, Tensor], sizes: Sizes) -> dict[str, Tensor]:
        """Give the tensors of the image encoder their names in transformers.

        Args:
            tensors: Tensors by name without prefix.
            sizes: Sizes of the encoder.

        Returns:
            Tensors of their own memory, by name in transformers.

        Raises:
            WeightsError: If a tensor is missing, has another shape, is not of finite real numbers, or is unknown.
        """
        layout = self.layout(sizes, list(tensors))
        missing = [name for name in layout if name not in tensors]
        unknown = [name for name in tensors if name not in layout and not _matches(name, self.left_out)]
        found = {name: part for name, part in layout.items() if name in tensors}
        misshaped = [
            f'{name} is {tuple(tensors[name].shape)} and not {part.shape}'
            for name, part in found.items()
            if tuple(tensors[name].shape) != part.shape
        ]
        not_real = [name for name in found if not tensors[name].is_floating_point()]
        not_finite = [name for name in found if not tensors[name].isfinite().all()]
        faults = [
            f'{what}{first_few(names, _NAMED)}'
            for what, names in (
                ('missing: ', missing),
                ('', misshaped),
                ('of whole numbers: ', not_real),
                ('not finite: ', not_finite),
                ('unknown: ', unknown),
            )
            if names
        ]
        if faults:
            raise WeightsError('; '.join(faults))
        return {
            target: piece.clone()
            for name, part in found.items()
            for target, piece in zip(part.names, tensors[name].chunk(len(part.names)), strict=True)
        }


def layer(source: str, shape: tuple[int, ...], *targets: str) -> dict[str, Part]:
    """Map the weight and the bias of a layer.

    Args:
        source: Name of the layer in the file.
        shape: Shape of its weight; the bias has the first of these sizes.
        targets: Names in transformers; several share the layer in equal parts along the first axis.
    """
    return {
        f'{source}.{kind}': Part(of_kind, tuple(f'{target}.{kind}' for target in targets))
        for kind, of_kind in (('weight', shape), ('bias', shape[:1]))
    }


def side_of(positions: int) -> float:
    """Return the side of a square of so many positions."""
    return math.sqrt(positions) if positions > 0 else 0.0


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in patterns)
