"""Guards for the original OpenMMLab packages; with the maintained line nothing is done."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import torch
from mmengine.runner import CheckpointLoader


def apply_guards() -> None:
    """Lets the original mmengine read its own checkpoints with torch >= 2.6.

    They hold NumPy values beside tensors. torch reads tensors alone since 2.6 unless told otherwise, and mmengine
    0.10.7 does not say. The maintained line says ``weights_only=False``, and so does this; as everywhere in
    OpenMMLab, a checkpoint is a program: load only those that you trust.
    """
    try:
        metadata.version('mmengine')
    except metadata.PackageNotFoundError:
        return  # the maintained line is distributed as onedl-mmengine
    CheckpointLoader.register_scheme(prefixes='', loader=_load_from_file, force=True)


def _load_from_file(filename: str, map_location: str | torch.device | None = None) -> dict:
    return torch.load(Path(filename).expanduser(), map_location=map_location, weights_only=False)
