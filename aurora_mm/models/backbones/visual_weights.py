"""Reads the visual part of a Qwen3-VL checkpoint, and nothing else of it.

A vision-language checkpoint is mostly language model. The safetensors format names its tensors in an index, so only
the shards that hold ``visual`` tensors are opened (or downloaded), and of those only these tensors are read.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import PretrainedConfig
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLVisionConfig
from transformers.utils import cached_file

from aurora_mm.errors import WeightsError

# Where checkpoints keep the encoder: the whole model as transformers saves it, an older layout, the encoder alone.
_PREFIXES = ('model.visual.', 'visual.', '')
_ANCHOR = 'patch_embed.proj.weight'
_HELP = (
    'Give a folder or hub id of a Qwen3-VL model (for instance Qwen/Qwen3-VL-8B-Instruct, downloaded with '
    '`hf download Qwen/Qwen3-VL-8B-Instruct --local-dir DIR`), or train from random weights: '
    '`python tools/train.py CONFIG --pretrained none`'
)


def read_vision_config(source: str | Path) -> Qwen3VLVisionConfig:
    """The encoder's sizes, from the ``config.json`` of a folder or hub id.

    Raises:
        WeightsError: If there is no such config, or it is not of a Qwen3-VL model.
    """
    try:
        values, _ = PretrainedConfig.get_config_dict(str(source))
    except (OSError, ValueError) as error:
        raise WeightsError(f'no model config at {str(source)!r} ({_first_line(error)}). {_HELP}') from error
    if not values:  # a folder without config.json is no error to transformers
        raise WeightsError(f'no model config at {str(source)!r}. {_HELP}')
    values = values.get('vision_config', values)
    if not str(values.get('model_type', '')).startswith('qwen3_vl'):
        raise WeightsError(f'{source} holds a {values.get("model_type")!r} encoder, not one of Qwen3-VL. {_HELP}')
    return Qwen3VLVisionConfig.from_dict(values)


def read_visual_tensors(source: str | Path) -> dict[str, torch.Tensor]:
    """All tensors of the visual encoder by their names within it, such as ``blocks.0.attn.qkv.weight``.

    Args:
        source: A folder or hub id with ``model.safetensors``, or shards and their index.

    Raises:
        WeightsError: If there is no safetensors checkpoint or no visual encoder in it.
    """
    shards = _tensor_names_by_shard(source)
    names = {name for in_shard in shards.values() for name in in_shard}
    prefix = next((p for p in _PREFIXES if p + _ANCHOR in names), None)
    if prefix is None:
        raise WeightsError(f'{source} has no visual encoder: no tensor named *{_ANCHOR}. {_HELP}')
    tensors = {}
    for shard, in_shard in shards.items():
        wanted = [name for name in in_shard if name.startswith(prefix)]
        if wanted:
            with safe_open(_fetch(source, shard), framework='pt') as file:
                tensors.update({name.removeprefix(prefix): file.get_tensor(name) for name in wanted})
    return tensors


def _tensor_names_by_shard(source: str | Path) -> dict[str, list[str]]:
    index = _fetch(source, 'model.safetensors.index.json', missing_ok=True)
    if index is None:
        with safe_open(_fetch(source, 'model.safetensors'), framework='pt') as file:
            return {'model.safetensors': list(file.keys())}
    shards = defaultdict(list)
    for name, shard in json.loads(Path(index).read_text())['weight_map'].items():
        shards[shard].append(name)
    return shards


def _fetch(source: str | Path, filename: str, missing_ok: bool = False) -> str | None:
    """Local path of a file of the checkpoint, downloaded where the source is a hub id."""
    if Path(source).is_dir():
        path = Path(source) / filename
        if path.is_file():
            return str(path)
        if missing_ok:
            return None
        raise WeightsError(f'{source} has no {filename}. {_HELP}')
    try:
        path = cached_file(str(source), filename, _raise_exceptions_for_missing_entries=not missing_ok)
    except (OSError, ValueError) as error:
        raise WeightsError(f'cannot fetch {filename} of {str(source)!r} ({_first_line(error)}). {_HELP}') from error
    return path


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
