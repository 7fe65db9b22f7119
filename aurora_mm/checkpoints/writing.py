"""Functions that write checkpoint files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from aurora_mm.checkpoints.sealing import seal
from aurora_mm.files import whole_file


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
