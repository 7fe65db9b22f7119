"""Functions that complete a config with the data root, the tasks of the data, and the weights to start from.

A config file is evaluated only once, so changing ``data_root`` afterwards would not change the data sets of the config.
These functions set all values that depend on such a choice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from aurora_mm.apis.checkpoint import read_checkpoint, require_same_tasks, trained_config, trained_tasks
from aurora_mm.apis.data_tasks import DataTasks, choose_tasks, fmc_root, keep_tasks
from aurora_mm.apis.pipelines import leave_annotations_out
from aurora_mm.calibration.calibration import CALIBRATION, Calibration
from aurora_mm.challenge.csv_files import is_labelled
from aurora_mm.config_variables import (
    FMC_DATASETS,
    LOADERS,
    check_image_size,
    datasets_of,
    image_size_of,
    set_data_root,
)
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.measurements import measurements_of
from aurora_mm.models import EnsembleModel, MultiTaskModel
from aurora_mm.models.utils.model_weights import STATE_OF_THE_RUN, joined, misfits, require_finite
from aurora_mm.models.utils.unwrap_model import unwrap_model
from aurora_mm.registry import MODELS
from aurora_mm.routing.task_router import ROUTER, TaskRouter
from aurora_mm.tasks import TaskTable

# Hooks that MMEngine adds itself, unless a config sets them to None.
_MMENGINE_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')


def resolve_config(
    cfg: Config, data_root: str | None = None, pretrained: str | None = None, include: Sequence[str] | None = None
) -> Config:
    """Set the data root, the tasks and the pretrained weights in all places of a config that depend on them.

    Args:
        cfg: Changed in place. ``cfg.tasks`` is the list of known tasks. It is replaced by the tasks with training
            rows, which may include tasks that only the data contains. Tasks that are left out are logged.
        data_root: Data root of all FMC-UIA data sets of the config. None keeps those of the config.
        pretrained: Folder or hub id of the pretrained encoder, ``'none'`` for random weights, or None to keep the value
            of the config.
        include: Names of the tasks to train. None trains all tasks with training rows.

    Returns:
        ``cfg``.

    Raises:
        DataError: If there is no data, it contradicts the known tasks, or the validation or test data has a task
            without training data.
        ConfigError: If a task of ``include`` has no training rows, or ``img_size`` is not that of the pipelines.
        WeightsError: If ``pretrained`` does not exist.
    """
    prepare_config(cfg)
    if data_root is not None:
        set_data_root(cfg, data_root)
    tasks = choose_tasks(cfg, DataTasks(cfg, TaskTable(cfg.get('tasks', []))), include)
    set_pretrained(cfg, pretrained)
    return _set_tasks(cfg, tasks)


def adopt_checkpoint(
    cfg: Config,
    checkpoint: str | Path,
    data_root: str | None = None,
    include: Sequence[str] | None = None,
    loaders: Sequence[str] = LOADERS,
) -> Config:
    """Set the tasks and the backbone of a config to those that a checkpoint was trained with.

    Args:
        cfg: Changed in place.
        checkpoint: Path of a checkpoint of a training run.
        data_root: Data root of all FMC-UIA data sets of the config. None keeps those of the config.
        include: Names of the tasks whose rows are used. None uses all.
        loaders: Names of the data loaders whose data is checked and must exist.

    Returns:
        ``cfg``.

    Raises:
        DataError: If there is no data, or it has a task that the checkpoint was not trained for.
        WeightsError: If the file is not a checkpoint of aurora_mm.
        ConfigError: If ``include`` has a task that the checkpoint was not trained for.
    """
    loaded = read_checkpoint(checkpoint, keys=())
    trained, backbone = trained_tasks(loaded), trained_backbone(cfg, loaded, checkpoint)
    if data_root is not None:
        set_data_root(cfg, data_root)
    if include is not None:
        for name in include:
            if name not in trained:
                raise ConfigError(
                    f'{checkpoint} was not trained for task {name!r}; its tasks are {", ".join(trained.nearest(name))}'
                )
        keep_tasks(cfg, include)
    DataTasks(cfg, trained, loaders).require_trained(list(trained), f'the tasks that {checkpoint} was trained for')
    cfg.model.backbone = backbone
    return _set_tasks(cfg, trained)


def other_input_size(cfg: Config, checkpoint: str | Path) -> str | None:
    """Return a sentence if a config makes network inputs of another size than the training of a checkpoint did.

    ``test`` and ``calibrate`` prepare images as their config says, but the inferencer and ``predict`` as the checkpoint
    says. A size that was given to the training by ``--cfg-options`` is in the checkpoint alone.

    Args:
        cfg: The config.
        checkpoint: Path of a checkpoint of a training run.

    Returns:
        The sentence; None if the sizes are equal or not known.

    Raises:
        WeightsError: If the file is not a checkpoint of aurora_mm.
    """
    trained = trained_config(read_checkpoint(checkpoint, keys=()), checkpoint)
    here, there = image_size_of(cfg), image_size_of(trained)
    if here is None or there is None or here == there:
        return None
    option = there[0] if there[0] == there[1] else f'{there[0]},{there[1]}'
    return (
        f'the config makes network inputs of {here[0]} x {here[1]} pixels, and {checkpoint} was trained with '
        f'{there[0]} x {there[1]}, which `predict` uses; --cfg-options img_size={option} does so too'
    )


def trained_backbone(cfg: Config, loaded: Mapping[str, Any], checkpoint: str | Path) -> ConfigDict:
    """Return the config of the backbone that a checkpoint was trained with, for the model of another config.

    The names of the checkpoint's tensors depend on the encoder's size, taps and LoRA, so the whole backbone must be
    that of the checkpoint. They do not depend on ``compile_blocks``, which is that of the config.

    Args:
        cfg: The other config.
        loaded: What :func:`read_checkpoint` returned.
        checkpoint: Path of the checkpoint.

    Raises:
        WeightsError: See :func:`trained_config`.
    """
    backbone: ConfigDict = trained_config(loaded, checkpoint).model.backbone
    if 'compile_blocks' in cfg.model.backbone and cfg.model.backbone.type == backbone.type:
        backbone.compile_blocks = cfg.model.backbone.compile_blocks
    return backbone


def predict_without_labels(cfg: Config) -> bool:
    """Set up a test run without scores, if the test data has no labels. All rows of the data are then predicted.

    Args:
        cfg: Changed in place if its test data has no labels.

    Returns:
        Whether the test data has no labels.

    Raises:
        DataError: If there is no data.
    """
    dataset = cfg.test_dataloader.dataset
    if dataset.get('type') not in FMC_DATASETS:
        return False
    root = fmc_root(dataset)
    if is_labelled(root.folder_of(dataset.get('split', 'train'))):
        return False
    dataset.with_labels = False
    if not root.sides:
        dataset.split = 'all'
    leave_annotations_out(cfg)
    cfg.test_evaluator = []
    return True


def adopt_ensemble(cfg: Config, checkpoints: Sequence[str | Path]) -> Config:
    """Set the model of a config to an ensemble of the models of several checkpoints.

    Args:
        cfg: Changed in place. :func:`adopt_checkpoint` must have been called with the first checkpoint.
        checkpoints: Paths of the checkpoints. Their models may have different architectures.

    Returns:
        ``cfg``.

    Raises:
        WeightsError: If a file is not a checkpoint of aurora_mm, or its tasks are not those of the first checkpoint.
    """
    members = []
    for checkpoint in checkpoints:
        loaded = read_checkpoint(checkpoint, keys=())
        require_same_tasks(checkpoint, trained_tasks(loaded), checkpoints[0], TaskTable(cfg.tasks))
        members.append(trained_config(loaded, checkpoint).model)
    cfg.model = dict(type='EnsembleModel', models=members)
    return cfg


def load_weights(model: nn.Module, checkpoints: Sequence[str | Path]) -> Calibration | None:
    """Load the weights of a checkpoint into a model, or of several checkpoints into the members of an ensemble.

    The states of the loss balancer and of the running losses are not loaded, because predictions do not depend on them.
    A model can therefore be tested with a config that has another balancer.

    Args:
        model: The model, which may be inside of a wrapper of MMEngine.
        checkpoints: Path of one checkpoint; for an ensemble, one for each member.

    A router in the checkpoint becomes that of the model, if it is a single one without views.

    Returns:
        The calibration of the checkpoint, which the model applies to its predictions from now on. None if it has none,
        or if the predictions of several views or models are merged, for which it was not fitted.

    Raises:
        WeightsError: If a file is not a checkpoint of aurora_mm, a tensor is missing, unexpected or has another shape,
            or a weight is not finite.
    """
    is_single = not isinstance(model, BaseTTAModel)
    whole = unwrap_model(model)
    members: Sequence[MultiTaskModel] = list(whole.members) if isinstance(whole, EnsembleModel) else [whole]
    calibration = None
    for member, checkpoint in zip(members, checkpoints, strict=True):
        content = read_checkpoint(checkpoint)
        state = {name: t for name, t in content['state_dict'].items() if not name.startswith(STATE_OF_THE_RUN)}
        require_finite(checkpoint, state)
        own = {name: tensor for name, tensor in member.state_dict().items() if name.startswith(STATE_OF_THE_RUN)}
        problems = misfits(member.state_dict(), state | own)
        if problems:
            raise WeightsError(f'{checkpoint} does not fit the model of this config: {joined(problems)}')
        load_state_dict(member, state | own, strict=True)
        if CALIBRATION in content['meta'] and not (is_single and member is whole):
            text = f'the calibration in {checkpoint} is not used: it is not one of several models or views together'
            print_log(text, logger='current', level=logging.WARNING)
        elif CALIBRATION in content['meta']:
            calibration = Calibration.from_plain(content['meta'][CALIBRATION], trained_tasks(content), checkpoint)
            member.calibration = calibration
        if ROUTER in content['meta'] and is_single and member is whole:
            member.router = TaskRouter.from_plain(content['meta'][ROUTER], trained_tasks(content), checkpoint)
    return calibration


def prepare_config(cfg: Config) -> None:
    """Check the image size, and set what does not depend on data and weights."""
    check_image_size(cfg)
    _leave_absent_hooks_out(cfg)
    _pin_memory(cfg)


def set_pretrained(cfg: Config, pretrained: str | None) -> None:
    """Set the weights that the encoder starts from, and what of its config they decide; see :func:`resolve_config`."""
    if pretrained is not None:
        cfg.model.backbone.pretrained = None if pretrained.lower() == 'none' else pretrained
    source = cfg.model.backbone.get('pretrained')
    if source is not None:
        # Stored in the config of the run, so that its checkpoints can be used without these files.
        encoder = MODELS.get(cfg.model.backbone.type)
        if hasattr(encoder, 'resolve'):
            cfg.model.backbone.update(encoder.resolve(source))


def _pin_memory(cfg: Config) -> None:
    """Let data loaders use pinned memory if there is a GPU."""
    if torch.cuda.is_available():
        for name in LOADERS:
            if cfg.get(name):
                cfg[name].setdefault('pin_memory', True)


def _leave_absent_hooks_out(cfg: Config) -> None:
    """Remove hooks that are None from ``default_hooks``. MMEngine only accepts None for its own hooks."""
    hooks = cfg.get('default_hooks') or {}
    for key in [key for key, hook in hooks.items() if hook is None and key not in _MMENGINE_HOOKS]:
        del hooks[key]


def _set_tasks(cfg: Config, tasks: TaskTable) -> Config:
    for task in tasks.values():
        measurements_of(task)  # raises an error before training if one is not valid
    cfg.tasks = tasks.to_config()
    cfg.model.tasks = tasks.to_config()
    for dataset in datasets_of(cfg, FMC_DATASETS):
        dataset.tasks = tasks.to_config()
    return cfg
