"""Checksums of checkpoints, which are stored in the file and compared when it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

from aurora_mm.checkpoints.plain_values import plain_checkpoint
from aurora_mm.errors import WeightsError

CHECKSUMS = 'sha256'  # key of a checkpoint with the checksums of all other keys


def seal(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a checkpoint to tensors and plain values, and add a checksum for each key such as ``state_dict``.

    Args:
        checkpoint: Checkpoint as MMEngine's Runner creates it. It is not changed.

    Raises:
        ConfigError: See :func:`aurora_mm.checkpoints.plain_checkpoint`.
    """
    content = plain_checkpoint({key: value for key, value in checkpoint.items() if key != CHECKSUMS})
    return content | {CHECKSUMS: checksums(content)}


def compare_checksums(checkpoint: Mapping[str, Any], keys: Collection[str]) -> None:
    """Compare values of a checkpoint with their checksums.

    Args:
        checkpoint: Checkpoint with checksums, see :func:`seal`.
        keys: Keys of the values to compare.

    Raises:
        WeightsError: If a value was changed after it was written. The message names its key.
    """
    written = checkpoint[CHECKSUMS]
    if not isinstance(written, Mapping):
        raise WeightsError('its checksums are damaged')
    found = checksums({key: checkpoint[key] for key in keys})
    changed = [key for key in keys if written.get(key) != found[key]]
    if changed:
        raise WeightsError(f'its {" and ".join(map(str, changed))} changed since it was written: the file is damaged')


def require_all_keys(checkpoint: Mapping[str, Any]) -> None:
    """Check that no key of a checkpoint was removed.

    Args:
        checkpoint: Checkpoint with checksums, see :func:`seal`.

    Raises:
        WeightsError: If a key was removed. The message names it.
    """
    lost = [str(name) for name in checkpoint[CHECKSUMS] if name not in checkpoint]
    if lost:
        raise WeightsError(f'its {" and ".join(lost)} was removed since it was written')


def checksums(content: Mapping[str, Any]) -> dict[str, str]:
    """Compute a checksum of each key and its value."""
    return {key: checksum([key, value]) for key, value in content.items()}


def checksum(value: Any) -> str:
    """Compute the SHA-256 of plain values and tensors, as hexadecimal text."""
    tensors: list[torch.Tensor] = []
    digest = hashlib.sha256(repr(_outline(value, tensors)).encode())
    with ThreadPoolExecutor() as pool:  # hashing releases Python's global lock
        for of_tensor in pool.map(_tensor_digest, tensors):
            digest.update(of_tensor)
    return digest.hexdigest()


class _Place:
    """Replaces a tensor in the result of :func:`_outline`."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self._text = f'<{tensor.dtype} {tuple(tensor.shape)}>'  # no plain value looks like this

    def __repr__(self) -> str:
        return self._text


def _outline(value: Any, tensors: list[torch.Tensor]) -> Any:
    """Replace each tensor by a :class:`_Place`, and append it to ``tensors``."""
    if isinstance(value, torch.Tensor):
        tensors.append(value)
        return _Place(value)
    if isinstance(value, Mapping):
        items = [(key, _outline(item, tensors)) for key, item in value.items()]
        metadata = getattr(value, '_metadata', None)
        return dict(items) if metadata is None else (items, metadata)
    if isinstance(value, list):
        return [_outline(item, tensors) for item in value]
    if isinstance(value, tuple):
        return tuple(_outline(item, tensors) for item in value)
    return value


def _tensor_digest(tensor: torch.Tensor) -> bytes:
    values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return hashlib.sha256(values.numpy().data).digest()
