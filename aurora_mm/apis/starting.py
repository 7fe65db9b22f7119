"""Functions that set up a training run which starts from a trained model, for its tasks or for others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config, ConfigDict

from aurora_mm.apis.checkpoint import read_checkpoint, trained_tasks
from aurora_mm.apis.config import adopt_checkpoint, prepare_config, resolve_config, trained_backbone
from aurora_mm.tasks import TaskTable

_START_FROM = ('StartFromHook', 'aurora_mm.StartFromHook')


def start_from(cfg: Config, checkpoint: str | Path, data_root: str | None = None) -> Config:
    """Set up a training run that starts from a trained model, see :class:`aurora_mm.engine.StartFromHook`.

    The tasks and the backbone are set to those of the checkpoint. The necks and heads of the config must be the same as
    in the checkpoint, apart from the ``new_parts`` of the hook.

    Args:
        cfg: Changed in place.
        checkpoint: Path of a checkpoint of a training run.
        data_root: Data root of all FMC-UIA data sets of the config. None keeps those of the config.

    Returns:
        ``cfg``.

    Raises:
        DataError: See :func:`adopt_checkpoint`.
        WeightsError: See :func:`adopt_checkpoint`.
    """
    prepare_config(cfg)
    adopt_checkpoint(cfg, checkpoint, data_root)
    _add_start_hook(cfg, checkpoint)
    return cfg


def transfer_from(
    cfg: Config,
    checkpoint: str | Path,
    data_root: str | None = None,
    tasks: TaskTable | None = None,
    include: Sequence[str] | None = None,
) -> Config:
    """Set up a training run for other tasks that starts from a trained model.

    The backbone is set to that of the checkpoint. The necks must be the same as in the checkpoint, and so must the
    heads of the task types that both have. See ``other_tasks`` of :class:`aurora_mm.engine.StartFromHook`.

    Args:
        cfg: Changed in place.
        checkpoint: Path of a checkpoint of a training run.
        data_root: Data root of all FMC-UIA data sets of the config. None keeps those of the config.
        tasks: Known tasks. None takes those of the checkpoint.
        include: Names of the tasks to train. None trains all tasks with training rows.

    Returns:
        ``cfg``.

    Raises:
        DataError: See :func:`resolve_config`.
        ConfigError: See :func:`resolve_config`.
        WeightsError: If the file is not a checkpoint of aurora_mm.
    """
    loaded = read_checkpoint(checkpoint, keys=())
    cfg.model.backbone = trained_backbone(cfg, loaded, checkpoint)
    cfg.tasks = (trained_tasks(loaded) if tasks is None else tasks).to_config()
    resolve_config(cfg, data_root, include=include)
    _add_start_hook(cfg, checkpoint)
    for hook in _start_hooks(cfg):
        hook['other_tasks'] = True
    return cfg


def starts_from_weights(cfg: Config) -> bool:
    """Return whether a config has a StartFromHook, which continues the training of a trained model."""
    return bool(_start_hooks(cfg))


def _start_hooks(cfg: Config) -> list[ConfigDict]:
    hooks = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or [])]
    return [hook for hook in hooks if hook is not None and hook['type'] in _START_FROM]


def _add_start_hook(cfg: Config, checkpoint: str | Path) -> None:
    cfg.load_from = str(checkpoint)
    if not _start_hooks(cfg):
        cfg.default_hooks = dict(cfg.get('default_hooks') or {}, start_from=dict(type=_START_FROM[0]))
