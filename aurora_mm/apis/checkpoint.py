"""Checkpoints of training runs as files: what they were trained for, whole or not at all."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from aurora_mm.errors import WeightsError
from aurora_mm.tasks import TaskTable


def read_checkpoint(file: str | Path) -> dict[str, Any]:
    """A checkpoint on the CPU; tensors are read from the file when they are first used.

    Raises:
        WeightsError: If there is no such file, it cannot be read, or it is no checkpoint of aurora_mm.
    """
    if not Path(file).is_file():
        raise WeightsError(f'no checkpoint at {file}; `aurora-mm train CONFIG` writes them to its work dir')
    # MMEngine's checkpoints hold NumPy values beside tensors, which torch's restricted reader refuses.
    try:
        checkpoint = torch.load(file, map_location='cpu', weights_only=False, mmap=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise WeightsError(f'{file} is no checkpoint, or only part of one: {error}') from error
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    if 'tasks' not in ((meta or {}).get('dataset_meta') or {}):
        raise WeightsError(f'{file} names no tasks: it is no checkpoint of an aurora_mm training run')
    return checkpoint


def write_checkpoint(file: str | Path, checkpoint: Mapping[str, Any]) -> None:
    """Writes a checkpoint under a name of its own first, so that no reader meets half of it."""
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f'.{file.name}.partial')
    try:
        torch.save(dict(checkpoint), partial)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def trained_tasks(checkpoint: Mapping[str, Any]) -> TaskTable:
    """The tasks that a checkpoint was trained for."""
    return TaskTable(checkpoint['meta']['dataset_meta']['tasks'])


def trained_config(checkpoint: Mapping[str, Any]) -> Config:
    """The config that a checkpoint was trained with; it loads no other weights.

    Blocks are not compiled: what is read may be no training, and this machine may have no compiler.
    """
    cfg = Config.fromstring(checkpoint['meta']['cfg'], file_format='.py')
    cfg.model.backbone.pop('compile_blocks', None)
    if 'pretrained' in cfg.model.backbone:
        cfg.model.backbone.pretrained = None
    return cfg


def require_same_tasks(file: str | Path, tasks: TaskTable, first_file: str | Path, first_tasks: TaskTable) -> None:
    """Refuses two checkpoints that were not trained for the same tasks.

    Raises:
        WeightsError: Naming the tasks that differ.
    """
    different = set(tasks.values()) ^ set(first_tasks.values())
    if different:
        names = ', '.join(sorted({task.name for task in different}))
        raise WeightsError(f'{file} and {first_file} were trained for different tasks: {names}')
