"""Checksums of a checkpoint's parts, written with it and compared when it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

from aurora_mm.checkpoints.plain_values import plain_checkpoint
from aurora_mm.errors import WeightsError

CHECKSUMS = 'sha256'  # the key of a checkpoint under which the checksums stand, by part


def seal(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint as tensors and plain values, with a checksum of each part (``meta``, ``state_dict``, ...).

    Args:
        checkpoint: As MMEngine's Runner makes it.

    Raises:
        ConfigError: See :func:`aurora_mm.checkpoints.plain_checkpoint`.
    """
    parts = plain_checkpoint({key: value for key, value in checkpoint.items() if key != CHECKSUMS})
    return parts | {CHECKSUMS: checksums(parts)}


def compare_checksums(checkpoint: Mapping[str, Any], parts: Collection[str]) -> None:
    """Compares parts of a sealed checkpoint with their checksums.

    Raises:
        WeightsError: If one is not as it was written.
    """
    written = checkpoint[CHECKSUMS]
    if not isinstance(written, Mapping):
        raise WeightsError('its checksums are damaged')
    found = checksums({name: checkpoint[name] for name in parts})
    changed = [name for name in parts if written.get(name) != found[name]]
    if changed:
        raise WeightsError(f'its {" and ".join(map(str, changed))} changed since it was written: the file is damaged')


def require_all_parts(checkpoint: Mapping[str, Any]) -> None:
    """Refuses a sealed checkpoint that lost a part.

    Raises:
        WeightsError: Naming the part.
    """
    lost = [str(name) for name in checkpoint[CHECKSUMS] if name not in checkpoint]
    if lost:
        raise WeightsError(f'its {" and ".join(lost)} was removed since it was written')


def checksums(parts: Mapping[str, Any]) -> dict[str, str]:
    """A checksum of each part, of its name and all that is in it."""
    return {name: checksum([name, part]) for name, part in parts.items()}


def checksum(part: Any) -> str:
    """SHA-256 of plain values and tensors, as hexadecimal text."""
    tensors: list[torch.Tensor] = []
    digest = hashlib.sha256(repr(_outline(part, tensors)).encode())
    with ThreadPoolExecutor() as pool:  # hashing runs outside of Python's lock
        for of_tensor in pool.map(_tensor_digest, tensors):
            digest.update(of_tensor)
    return digest.hexdigest()


class _Place:
    """Stands for a tensor in the outline of a part."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self._text = f'<{tensor.dtype} {tuple(tensor.shape)}>'  # no plain value looks like this

    def __repr__(self) -> str:
        return self._text


def _outline(value: Any, tensors: list[torch.Tensor]) -> Any:
    """The value with a mark in the place of each tensor; the tensors themselves are collected."""
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
    return hashlib.sha256(values.numpy()).digest()
