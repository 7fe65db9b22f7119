"""Functions that write checkpoint files."""

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

PACKED_SUFFIX = '.safetensors'  # suffix of packed models, which only contain what is needed for predictions
PACKED_KEY = 'aurora_mm'  # key of the JSON text in the header of a packed model


def write_checkpoint(file: str | Path, checkpoint: Mapping[str, Any]) -> None:
    """Write a checkpoint atomically, as tensors and plain values with checksums.

    Args:
        file: Path of the file to write, such as ``averaged.pth``.
        checkpoint: Dict with ``meta``, ``state_dict`` and possibly more keys.

    Raises:
        ConfigError: If the checkpoint contains a Python object. The message says where.
        OutputError: If the file cannot be written.
    """
    content = seal(checkpoint)
    with whole_file(file) as partial, partial.open('wb') as stream:
        torch.save(content, stream)


def write_packed(file: str | Path, meta: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
    """Write a packed model atomically: a safetensors file with ``meta`` and checksums as JSON in its header.

    Args:
        file: Path of the file to write, ``*.safetensors``.
        meta: Plain values. Tuples become lists.
        state: State dict of a model.

    Raises:
        ConfigError: If ``meta`` contains a Python object.
        OutputError: If the file cannot be written.
    """
    meta = json.loads(json.dumps(plain(meta, 'meta')))
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in sorted(state.items())}
    content = {'meta': meta, CHECKSUMS: checksums(dict(meta=meta, state_dict=tensors))}
    header = {'format': 'pt', PACKED_KEY: json.dumps(content)}
    write_bytes(file, save(tensors, metadata=header))
