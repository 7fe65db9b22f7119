"""Makes a config concrete: where the data is, which tasks it holds, which weights to start from.

A config is text that is read once, so that changing ``data_root`` changes no data set that was built from it. These
functions set every place that depends on such a choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from aurora_mm.apis.checkpoint import read_checkpoint, require_same_tasks, trained_config, trained_tasks
from aurora_mm.apis.data_tasks import DataTasks, choose_tasks, fmc_folder, keep_tasks
from aurora_mm.apis.pipelines import leave_annotations_out
from aurora_mm.challenge.csv_files import is_labelled
from aurora_mm.config_variables import FMC_DATASETS, LOADERS, check_image_size, datasets_of, set_data_root
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.measurements import measurements_of
from aurora_mm.models import EnsembleModel
from aurora_mm.models.utils.starting_weights import STATE_OF_THE_RUN, require_finite
from aurora_mm.models.utils.unwrap_model import unwrap_model
from aurora_mm.registry import MODELS
from aurora_mm.tasks import TaskTable

_START_FROM = ('StartFromHook', 'aurora_mm.StartFromHook')
# Those that MMEngine adds by itself, and leaves out where a config says None.
_MMENGINE_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')


def resolve_config(
    cfg: Config, data_root: str | None = None, pretrained: str | None = None, include: Sequence[str] | None = None
) -> Config:
    """Sets the data root, the tasks and the encoder's weights wherever the config depends on them.

    Args:
        cfg: Changed in place. ``cfg.tasks`` is the table of known tasks; it becomes that of the tasks with training
            rows, those that only the data knows and those of data sets of mmdet and mmseg among them. The log says
            which are left out.
        data_root: For every FMC-UIA data set of the config; None keeps theirs.
        pretrained: A folder or hub id, 'none' for random weights, or None to keep the config's.
        include: Names of the tasks to train; None trains all that have training rows.

    Raises:
        DataError: If there is no data, it contradicts the table, or validation or test data has a task that the
            training data has not.
        ConfigError: If a task of ``include`` has no training rows, or ``img_size`` contradicts the pipelines.
        WeightsError: If ``pretrained`` is not there.
    """
    check_image_size(cfg)
    _leave_absent_hooks_out(cfg)
    _pin_memory(cfg)
    if data_root is not None:
        set_data_root(cfg, data_root)
    tasks = choose_tasks(cfg, DataTasks(cfg, TaskTable(cfg.get('tasks', []))), include)
    if pretrained is not None:
        cfg.model.backbone.pretrained = None if pretrained.lower() == 'none' else pretrained
    source = cfg.model.backbone.get('pretrained')
    if source is not None:
        # Kept with the run, so that its checkpoints can be tested where the weights are not.
        encoder = MODELS.get(cfg.model.backbone.type)
        if hasattr(encoder, 'resolve'):
            cfg.model.backbone.update(encoder.resolve(source))
    return _set_tasks(cfg, tasks)


def adopt_checkpoint(
    cfg: Config,
    checkpoint: str | Path,
    data_root: str | None = None,
    include: Sequence[str] | None = None,
    loaders: Sequence[str] = LOADERS,
) -> Config:
    """Gives a config the tasks and the encoder's size that a checkpoint was trained with.

    Args:
        cfg: Changed in place.
        checkpoint: File of a training run.
        data_root: For every FMC-UIA data set of the config; None keeps theirs.
        include: Names of the tasks whose rows are kept; None keeps all.
        loaders: Whose data must be there.

    Raises:
        DataError: If there is no data, or it has a task that the checkpoint was not trained for.
        WeightsError: If the file is no checkpoint of aurora_mm.
        ConfigError: If ``include`` names such a task.
    """
    loaded = read_checkpoint(checkpoint, parts=())
    trained, backbone = trained_tasks(loaded), trained_config(loaded, checkpoint).model.backbone
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
    # The encoder is the trained one, whatever this config says: its size, taps and LoRA make up the checkpoint's names.
    # Compiled blocks do not, and are this run's own choice.
    if 'compile_blocks' in cfg.model.backbone and cfg.model.backbone.type == backbone.type:
        backbone.compile_blocks = cfg.model.backbone.compile_blocks
    cfg.model.backbone = backbone
    return _set_tasks(cfg, trained)


def start_from(cfg: Config, checkpoint: str | Path, data_root: str | None = None) -> Config:
    """Sets up a training that starts from the weights of a trained model, see :class:`aurora_mm.engine.StartFromHook`.

    Tasks and encoder are those of the checkpoint, necks and heads this config's: they must be made as they were
    there.

    Args:
        cfg: Changed in place.
        checkpoint: File of a training run.
        data_root: For every FMC-UIA data set of the config; None keeps theirs.

    Raises:
        DataError, WeightsError, ConfigError: See :func:`adopt_checkpoint`.
    """
    adopt_checkpoint(cfg, checkpoint, data_root)
    cfg.load_from = str(checkpoint)
    if not starts_from_weights(cfg):
        cfg.default_hooks = dict(cfg.get('default_hooks') or {}, start_from=dict(type=_START_FROM[0]))
    return cfg


def starts_from_weights(cfg: Config) -> bool:
    """Whether a config is one that trains a trained model on, by its hooks."""
    hooks = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or [])]
    return any(hook is not None and hook['type'] in _START_FROM for hook in hooks)


def predict_without_labels(cfg: Config) -> bool:
    """Sets up a test run on data without any label: all rows are predicted, none is scored.

    Args:
        cfg: Changed in place if its test data has no label; else left as it is.

    Returns:
        Whether the data has none.

    Raises:
        DataError: If there is no data.
    """
    dataset = cfg.test_dataloader.dataset
    if dataset.get('type') not in FMC_DATASETS or is_labelled(fmc_folder(dataset)):
        return False
    dataset.with_labels = False
    if (Path(dataset.data_root) / 'csv_files').is_dir():
        dataset.split = 'all'
    leave_annotations_out(cfg)
    cfg.test_evaluator = []
    return True


def adopt_ensemble(cfg: Config, checkpoints: Sequence[str | Path]) -> Config:
    """Makes the model of a config the ensemble of checkpoints, each with the model that its own run was trained with.

    Args:
        cfg: Changed in place; it already adopted the first checkpoint.

    Raises:
        WeightsError: If a file is no checkpoint of aurora_mm, or was trained for other tasks than the first.
    """
    members = []
    for checkpoint in checkpoints:
        loaded = read_checkpoint(checkpoint, parts=())
        require_same_tasks(checkpoint, trained_tasks(loaded), checkpoints[0], TaskTable(cfg.tasks))
        members.append(trained_config(loaded, checkpoint).model)
    cfg.model = dict(type='EnsembleModel', models=members)
    return cfg


def load_weights(model: nn.Module, checkpoints: Sequence[str | Path]) -> None:
    """Loads a checkpoint into a model, every tensor that predictions depend on, or one into each member of an ensemble.

    The state of the balancer and of the running losses stays as it is: a run with another balancer than the config's is
    tested with the same config.

    Args:
        model: The model, or MMEngine's wrapper around it.
        checkpoints: One file; of an ensemble one for each member.

    Raises:
        WeightsError: If a file is no checkpoint of aurora_mm, or a tensor is missing, left over or of another shape,
            with torch's list of them; or if a weight is not finite.
    """
    model = unwrap_model(model)
    members = model.members if isinstance(model, EnsembleModel) else [model]
    for member, checkpoint in zip(members, checkpoints, strict=True):
        state = read_checkpoint(checkpoint)['state_dict']
        state = {name: tensor for name, tensor in state.items() if not name.startswith(STATE_OF_THE_RUN)}
        require_finite(checkpoint, state)
        own = {name: tensor for name, tensor in member.state_dict().items() if name.startswith(STATE_OF_THE_RUN)}
        try:
            load_state_dict(member, state | own, strict=True)
        except RuntimeError as error:
            raise WeightsError(f'{checkpoint} does not fit the model of this config: {error}') from error


def _pin_memory(cfg: Config) -> None:
    """Has data loaders put batches into pinned memory, where there is a GPU to copy them to."""
    if torch.cuda.is_available():
        for name in LOADERS:
            if cfg.get(name):
                cfg[name].setdefault('pin_memory', True)


def _leave_absent_hooks_out(cfg: Config) -> None:
    """Takes hooks that are None out of ``default_hooks``: MMEngine understands that of its own alone."""
    hooks = cfg.get('default_hooks') or {}
    for key in [key for key, hook in hooks.items() if hook is None and key not in _MMENGINE_HOOKS]:
        del hooks[key]


def _set_tasks(cfg: Config, tasks: TaskTable) -> Config:
    for task in tasks.values():
        measurements_of(task)  # a mistake in one shows before training, not after it
    cfg.tasks = tasks.to_config()
    cfg.model.tasks = tasks.to_config()
    for dataset in datasets_of(cfg, FMC_DATASETS):
        dataset.tasks = tasks.to_config()
    return cfg
