"""Changes to MMEngine when this package is imported: how it reads checkpoints and writes files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.fileio import LocalBackend, register_backend
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import load_from_http, load_from_mmcls, load_from_openmmlab, load_from_torchvision

from aurora_mm.checkpoints import load_checkpoint_file
from aurora_mm.files import write_bytes
from aurora_mm.trust import is_trusted

_DOWNLOADS = {
    load_from_http: ('http://', 'https://'),
    load_from_torchvision: ('modelzoo://', 'torchvision://'),
    load_from_openmmlab: ('open-mmlab://', 'openmmlab://'),
    load_from_mmcls: ('mmcls://',),
}
_RESTRICT = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'  # torch's variable with which `torch.load` reads no Python objects

_LOAD = CheckpointLoader.load_checkpoint.__func__  # MMEngine's


class WholeFileBackend(LocalBackend):
    """MMEngine's backend for the local disk, which writes files whole or not at all."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to a file, see :func:`aurora_mm.files.write_bytes`.

        Args:
            obj: Content of the file.
            filepath: Path of the file.
        """
        write_bytes(filepath, obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text to a file, see :meth:`put`.

        Args:
            obj: Content of the file.
            filepath: Path of the file.
            encoding: Encoding of the text.
        """
        write_bytes(filepath, obj.encode(encoding))


def apply_guards() -> None:
    """Make MMEngine read checkpoints without running code in them, and write files whole or not at all.

    ``load_from``, ``resume`` and ``init_cfg`` then use :func:`load_checkpoint_file`. MMEngine itself reads a checkpoint
    as a pickle if nothing else works, which runs any code in it; the original version 0.10.7 cannot read its own
    checkpoints with torch >= 2.6. Which file is read is logged, where MMEngine would print it past the log.
    """
    register_backend('local', WholeFileBackend, force=True, prefixes='')
    CheckpointLoader.register_scheme(prefixes='', loader=_load_from_file, force=True)
    CheckpointLoader.load_checkpoint = classmethod(_load_and_log)
    for load, prefixes in _DOWNLOADS.items():
        CheckpointLoader.register_scheme(prefixes=prefixes, loader=_restricted(load), force=True)


def _load_and_log(cls: type[CheckpointLoader], filename: str, map_location: Any = None, logger: Any = 'current') -> Any:
    return _LOAD(cls, filename, map_location, 'current' if logger is None else logger)


def _load_from_file(filename: str, map_location: Any = None) -> Any:
    content = load_checkpoint_file(filename)
    if isinstance(map_location, str | torch.device) and torch.device(map_location) != torch.device('cpu'):
        content = _moved(content, map_location)
    return content


def _moved(value: Any, device: str | torch.device) -> Any:
    """Move the tensors of a value to a device. Dicts are changed in place, since a state dict has attributes."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        for key, item in value.items():
            value[key] = _moved(item, device)
    elif isinstance(value, list | tuple):
        return type(value)(_moved(item, device) for item in value)
    return value


def _restricted(load: Callable[..., Any]) -> Callable[..., Any]:
    def load_from_download(filename: str, map_location: Any = None) -> Any:
        if is_trusted():
            return load(filename, map_location)
        before = os.environ.get(_RESTRICT)
        os.environ[_RESTRICT] = '1'
        try:
            return load(filename, map_location)
        finally:
            if before is None:
                del os.environ[_RESTRICT]
            else:
                os.environ[_RESTRICT] = before

    return load_from_download
