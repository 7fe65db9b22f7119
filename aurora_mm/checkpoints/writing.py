"""Writes checkpoint files, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from aurora_mm.checkpoints.plain_values import plain
from aurora_mm.checkpoints.sealing import CHECKSUMS, checksums, seal
from aurora_mm.files import whole_file, write_bytes

PACKED_SUFFIX = '.safetensors'  # of a model without what only training needs
PACKED_KEY = 'aurora_mm'  # of the JSON text in the header of such a file


def write_checkpoint(file: str | Path, checkpoint: Mapping[str, Any]) -> None:
    """Writes a checkpoint as tensors and plain values, with checksums; whole or not at all.

    Args:
        file: Target, such as ``averaged.pth``.
        checkpoint: ``meta``, ``state_dict`` and perhaps more.

    Raises:
        ConfigError: If it holds a Python object, naming its place.
        OutputError: If it cannot be written.
    """
    content = seal(checkpoint)
    with whole_file(file) as partial, partial.open('wb') as stream:
        torch.save(content, stream)


def write_packed(file: str | Path, meta: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
    """Writes weights as a safetensors file, with ``meta`` as JSON in its header and checksums; whole or not at all.

    Args:
        file: Target, ``*.safetensors``.
        meta: Plain values. Tuples become lists.
        state: The state dict of a model.

    Raises:
        ConfigError: If ``meta`` holds an object.
        OutputError: If it cannot be written.
    """
    meta = json.loads(json.dumps(plain(meta, 'meta')))
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in sorted(state.items())}
    content = {'meta': meta, CHECKSUMS: checksums(dict(meta=meta, state_dict=tensors))}
    header = {'format': 'pt', PACKED_KEY: json.dumps(content)}
    write_bytes(file, save(tensors, metadata=header))
