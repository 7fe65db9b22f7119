"""Reads the tasks, the config and the weights of checkpoints of training runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from aurora_mm.apis.foreign_code import import_custom_modules, refuse_foreign_parts
from aurora_mm.checkpoints import load_checkpoint_file, read_config_text, write_checkpoint
from aurora_mm.config_variables import MASKED_MODELS
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.misfits import MISFITS, reason_of
from aurora_mm.registry import MODELS
from aurora_mm.tasks import TaskTable
from aurora_mm.trust import trust_checkpoints

__all__ = [
    'build_trained',
    'read_checkpoint',
    'require_same_tasks',
    'trained_config',
    'trained_tasks',
    'trust_checkpoints',
    'write_checkpoint',
]

_NO_RUN = 'it is no checkpoint of an aurora_mm training run'


def read_checkpoint(file: str | Path, keys: Collection[str] = ('meta', 'state_dict')) -> dict[str, Any]:
    """Load a checkpoint of a training run to the CPU, without running code from the file.

    Args:
        file: Path of a ``*.pth`` file of a training run, or of a model folder.
        keys: Keys to check and return. ``meta`` is always returned.

    Returns:
        The values of the keys that the file has.

    Raises:
        WeightsError: If the file does not exist, is damaged, is not a checkpoint of aurora_mm, or cannot be read
            without running code from it.
    """
    content = load_checkpoint_file(file, {'meta', *keys})
    meta = content.get('meta') if isinstance(content, Mapping) else None
    data = meta.get('dataset_meta') if isinstance(meta, Mapping) else None
    if not isinstance(data, Mapping) or 'tasks' not in data:
        raise WeightsError(f'{file} names no tasks: {_NO_RUN}')
    _check_tasks(file, data['tasks'], content['meta'].get('cfg'))
    checkpoint = {name: content[name] for name in ('meta', *keys) if name in content}
    if 'state_dict' in keys:
        _check_state(file, checkpoint.get('state_dict'))
    return checkpoint


def _check_tasks(file: str | Path, tasks: Any, text: Any) -> None:
    """Check the tasks of a checkpoint. Where their types are not known, the modules of ``custom_imports`` are imported
    first, which may register them.

    Args:
        file: Path of the checkpoint, for the error message.
        tasks: What should be the list of tasks.
        text: What should be the text of the config.

    Raises:
        WeightsError: If they are no tasks, or such a module may not or cannot be imported.
    """
    try:
        TaskTable(tasks)
        return
    except (ConfigError, TypeError, ValueError) as error:
        fault = WeightsError(f'{file} describes no tasks that aurora_mm knows ({error}): {_NO_RUN}')
        if not isinstance(text, str):
            raise fault from error
    try:
        import_custom_modules(read_config_text(text).get('custom_imports'))
    except ConfigError as error:
        raise WeightsError(f'the config in {file} cannot be used: {error}') from error
    try:
        TaskTable(tasks)
    except (ConfigError, TypeError, ValueError) as error:
        raise fault from error


def trained_tasks(checkpoint: Mapping[str, Any]) -> TaskTable:
    """Return the tasks that a checkpoint was trained for.

    Args:
        checkpoint: What :func:`read_checkpoint` returns.
    """
    return TaskTable(checkpoint['meta']['dataset_meta']['tasks'])


def trained_config(checkpoint: Mapping[str, Any], file: str | Path) -> Config:
    """Return the config that a checkpoint was trained with.

    The text of the config is not run as code. In the returned config, ``pretrained`` of the backbone is None, because
    the checkpoint contains its weights, and ``compile_blocks`` is removed, because this machine may have no compiler.
    The modules of ``custom_imports`` are imported. Modules of packages other than OpenMMLab's and this one are only
    imported if the user trusts checkpoints or if they already were.

    Args:
        checkpoint: What :func:`read_checkpoint` returns.
        file: Path of the checkpoint, for the error message.

    Raises:
        WeightsError: If the config is damaged or not trusted, or the run was a pretraining without tasks.
    """
    text = checkpoint['meta'].get('cfg')
    try:
        if not isinstance(text, str):
            raise ConfigError('there is none')
        values = read_config_text(text)
        import_custom_modules(values.get('custom_imports'))
        refuse_foreign_parts({key: value for key, value in values.items() if key in _BUILT})
        cfg = Config(values, format_python_code=False)
        backbone = cfg.get('model', {}).get('backbone')
        if not isinstance(backbone, ConfigDict):
            raise ConfigError('it has no model with a backbone')
    except (ConfigError, KeyError, AttributeError) as error:
        raise WeightsError(f'the config in {file} cannot be used: {error}') from error
    if cfg.model.get('type') in MASKED_MODELS:
        raise WeightsError(
            f'{file} is of a pretraining, which predicts nothing: train from its encoder, --pretrained '
            f'{Path(file).parent / "encoder"}'
        )
    backbone.pop('compile_blocks', None)
    if 'pretrained' in backbone:
        backbone.pretrained = None
    return cfg


def build_trained(cfg: Config, file: str | Path) -> nn.Module:
    """Build the model of a config that :func:`trained_config` returned, without its weights.

    Args:
        cfg: The config.
        file: Path of the checkpoint, for the error message.

    Raises:
        WeightsError: If the config describes no model that can be built.
    """
    try:
        with DefaultScope.overwrite_default_scope('aurora_mm'):
            model: nn.Module = MODELS.build(cfg.model)
    except ConfigError as error:
        raise WeightsError(f'the config in {file} cannot be used: {error}') from error
    except MISFITS as error:
        raise WeightsError(f'the config in {file} cannot be used: its model {reason_of(error)}') from error
    return model


# Sections of the config of a checkpoint that may be built when it is used.
_BUILT = ('model', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'tta_model', 'tta_pipeline')


def require_same_tasks(file: str | Path, tasks: TaskTable, first_file: str | Path, first_tasks: TaskTable) -> None:
    """Check that two checkpoints were trained for the same tasks.

    Args:
        file: Path of a checkpoint.
        tasks: Its tasks.
        first_file: Path of another checkpoint.
        first_tasks: Its tasks.

    Raises:
        WeightsError: If a task is missing in one of them or differs. The message names these tasks.
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
