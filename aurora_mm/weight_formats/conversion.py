"""Writes published weights as a folder that ``HFBackbone`` and transformers read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import inf, isfinite
from pathlib import Path
from typing import NamedTuple

from safetensors.torch import save_file
from transformers.activations import ACT2FN

from aurora_mm.checkpoints import load_tensors
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.folders import require_new_folder, whole_folder
from aurora_mm.registry import WEIGHT_FORMATS
from aurora_mm.weight_formats.weight_format import Sizes, WeightFormat


class Converted(NamedTuple):
    """What was written.

    Attributes:
        sizes: Sizes of the encoder.
        left_out: Number of tensors of the file that the encoder does not have.
        licence: What is known of the licence of the weights.
    """

    sizes: Sizes
    left_out: int
    licence: str


def convert_weights(
    source: str | Path,
    folder: str | Path,
    kind: str,
    heads: int | None = None,
    act: str | None = None,
    eps: float | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Converted:
    """Write a published file of weights as ``config.json``, ``preprocessor_config.json`` and ``model.safetensors``.

    The folder can be used as ``pretrained`` of ``HFBackbone``, and with ``from_pretrained`` of transformers. Tensors
    keep their type and have the names of checkpoints on the hub, which transformers 4 and 5 read. Sizes are read off
    the tensors. The other arguments say what tensors cannot tell, where it is not what the format declares. The folder
    is written atomically.

    Args:
        source: The file, ``.safetensors`` or written by ``torch.save``. Nothing of it is executed.
        folder: Folder to create. It must not exist or be empty.
        kind: Name of the format in ``WEIGHT_FORMATS``, such as ``'usfm'``.
        heads: Number of attention heads.
        act: Activation of the MLP, as transformers calls it, such as ``'quick_gelu'``.
        eps: Epsilon of the layer norms.
        mean: Mean of each channel, RGB in [0, 1], by which images are normalised.
        std: Standard deviation of each channel.

    Raises:
        ConfigError: If there is no such format, or an argument does not fit the encoder.
        WeightsError: If the file cannot be read, or has tensors that are missing, misshaped or unknown.
        DataError: If ``folder`` is not empty.
        OutputError: If ``folder`` cannot be written.
    """
    folder = Path(folder)
    require_new_folder(folder)
    layout = _find_format(kind)
    mean, std = _three(mean, layout.mean, 'mean'), _three(std, layout.std, 'std')
    if not all(0 < value < inf for value in (*std, 1.0 if eps is None else eps)) or not all(map(isfinite, mean)):
        raise ConfigError(f'std {std} and eps must be above 0, and mean {mean} finite')
    if act is not None and act not in ACT2FN:
        raise ConfigError(f'transformers has no activation {act!r}; it has {", ".join(ACT2FN)}')
    tensors = load_tensors(source, layout.containers)
    try:
        inside = layout.select(tensors)
        sizes = layout.measure(inside, heads)
        renamed = layout.rename(inside, sizes)
    except WeightsError as error:
        raise WeightsError(f'{source} is no file of {kind}; {error}') from error
    config = layout.config(sizes, list(inside))
    config |= {key: value for key, value in (('hidden_act', act), ('layer_norm_eps', eps)) if value is not None}
    size = dict(height=config['image_size'], width=config['image_size'])
    images = dict(do_normalize=True, image_mean=mean, image_std=std, size=size)
    with whole_folder(folder) as new:
        save_file(renamed, new / 'model.safetensors', metadata={'format': 'pt'})
        (new / 'config.json').write_text(json.dumps(config, indent=2) + '\n')
        (new / 'preprocessor_config.json').write_text(json.dumps(images, indent=2) + '\n')
    used = len(layout.layout(sizes, list(inside)))
    return Converted(sizes, len(tensors) - used, layout.licence)


def _find_format(kind: str) -> WeightFormat:
    found = WEIGHT_FORMATS.get(kind)
    if found is None:
        raise ConfigError(f'no format {kind!r} of weights; there are {", ".join(sorted(WEIGHT_FORMATS.module_dict))}')
    layout: WeightFormat = found()
    return layout


def _three(given: Sequence[float] | None, declared: Sequence[float], what: str) -> list[float]:
    values = list(declared if given is None else given)
    if len(values) != 3:
        raise ConfigError(f'{what} {values} must be three numbers, for red, green and blue')
    return values
