"""What a checkpoint was trained for: its tasks, its config and its weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from torch import Tensor

from aurora_mm.apis.foreign_code import import_custom_modules, refuse_foreign_parts
from aurora_mm.checkpoints import load_checkpoint_file, read_config_text, write_checkpoint
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.tasks import TaskTable
from aurora_mm.trust import trust_checkpoints

__all__ = [
    'read_checkpoint',
    'require_same_tasks',
    'trained_config',
    'trained_tasks',
    'trust_checkpoints',
    'write_checkpoint',
]

_NO_RUN = 'it is no checkpoint of an aurora_mm training run'


def read_checkpoint(file: str | Path, parts: Collection[str] = ('meta', 'state_dict')) -> dict[str, Any]:
    """Parts of a checkpoint of a training run, on the CPU. Nothing in the file is run.

    Args:
        file: ``*.pth`` of a training run, or a packed ``*.safetensors``.
        parts: Those to check and return. ``meta`` is always returned.

    Raises:
        WeightsError: If there is no such file, it is damaged, it is no checkpoint of aurora_mm, or it can only be read
            by running code in it.
    """
    content = load_checkpoint_file(file, {'meta', *parts})
    meta = content.get('meta') if isinstance(content, Mapping) else None
    data = meta.get('dataset_meta') if isinstance(meta, Mapping) else None
    if not isinstance(data, Mapping) or 'tasks' not in data:
        raise WeightsError(f'{file} names no tasks: {_NO_RUN}')
    try:
        TaskTable(data['tasks'])
    except (ConfigError, TypeError, ValueError) as error:
        raise WeightsError(f'{file} describes no tasks that aurora_mm knows ({error}): {_NO_RUN}') from error
    checkpoint = {name: content[name] for name in ('meta', *parts) if name in content}
    if 'state_dict' in parts:
        _check_state(file, checkpoint.get('state_dict'))
    return checkpoint


def trained_tasks(checkpoint: Mapping[str, Any]) -> TaskTable:
    """The tasks that a checkpoint was trained for."""
    return TaskTable(checkpoint['meta']['dataset_meta']['tasks'])


def trained_config(checkpoint: Mapping[str, Any], file: str | Path) -> Config:
    """The config that a checkpoint was trained with; it loads no other weights.

    Its text is read as data. Blocks are not compiled: what is read may be no training, and this machine may have no
    compiler. The modules of its ``custom_imports`` are imported; those of other packages than
    OpenMMLab's only where the user trusts checkpoints, or where they are imported already.

    Args:
        checkpoint: As :func:`read_checkpoint` gives it.
        file: Where it came from, for errors.

    Raises:
        WeightsError: If the config is damaged, or needs trust.
    """
    text = checkpoint['meta'].get('cfg')
    try:
        if not isinstance(text, str):
            raise ConfigError('there is none')
        values = read_config_text(text)
        import_custom_modules(values.get('custom_imports'))
        refuse_foreign_parts({key: value for key, value in values.items() if key in _BUILT})
        cfg = Config(values)
        backbone = cfg.get('model', {}).get('backbone')
        if not isinstance(backbone, ConfigDict):
            raise ConfigError('it has no model with a backbone')
    except (ConfigError, KeyError, AttributeError) as error:
        raise WeightsError(f'the config in {file} cannot be used: {error}') from error
    backbone.pop('compile_blocks', None)
    if 'pretrained' in backbone:
        backbone.pretrained = None
    return cfg


# Sections of a config that are built from a checkpoint alone.
_BUILT = ('model', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'tta_model', 'tta_pipeline')


def require_same_tasks(file: str | Path, tasks: TaskTable, first_file: str | Path, first_tasks: TaskTable) -> None:
    """Refuses two checkpoints that were not trained for the same tasks.

    Raises:
        WeightsError: Naming the tasks that differ.
    """
    different = set(tasks.values()) ^ set(first_tasks.values())
    if different:
        names = ', '.join(sorted({task.name for task in different}))
        raise WeightsError(f'{file} and {first_file} were trained for different tasks: {names}')


def _check_state(file: str | Path, state: Any) -> None:
    if not isinstance(state, Mapping):
        raise WeightsError(f'{file} holds no weights: {_NO_RUN}')
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise WeightsError(f'{file} holds {name!r} among its weights, which is no named tensor: {_NO_RUN}')
