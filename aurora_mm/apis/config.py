"""Makes a config concrete: where the data is, which tasks it holds, which weights to start from.

A config is text that is read once, so that changing ``data_root`` changes no data set that was built from it. These
functions set every place that depends on such a choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from aurora_mm.apis.checkpoint import read_checkpoint, require_same_tasks, trained_config, trained_tasks
from aurora_mm.apis.pipelines import leave_annotations_out
from aurora_mm.challenge.csv_files import FmcIndex, is_labelled, read_root
from aurora_mm.config_variables import LOADERS, check_image_size
from aurora_mm.errors import ConfigError, DataError, WeightsError
from aurora_mm.models import EnsembleModel
from aurora_mm.models.utils.starting_weights import STATE_OF_THE_RUN
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task, TaskTable

_FMC = ('FMCUIADataset', 'aurora_mm.FMCUIADataset')
_START_FROM = ('StartFromHook', 'aurora_mm.StartFromHook')
# Those that MMEngine adds by itself, and leaves out where a config says None.
_MMENGINE_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
_FOREIGN = ('TaskDataset', 'aurora_mm.TaskDataset')


def resolve_config(cfg: Config, data_root: str | None = None, pretrained: str | None = None) -> Config:
    """Sets the data root, the tasks and the encoder's weights wherever the config depends on them.

    Args:
        cfg: Changed in place. ``cfg.tasks`` is the table of known tasks; those found in the data are added, and those
            of the data sets of mmdet and mmseg.
        data_root: For every FMC-UIA data set of the config; None keeps theirs.
        pretrained: A folder or hub id, 'none' for random weights, or None to keep the config's.

    Raises:
        DataError: If there is no data.
        ConfigError: If the data contradicts the table, or ``img_size`` the pipelines.
        WeightsError: If ``pretrained`` is not there.
    """
    check_image_size(cfg)
    _leave_absent_hooks_out(cfg)
    tasks = TaskTable(cfg.get('tasks', []))
    for folder in _folders(cfg, data_root):
        tasks = _read(folder, tasks).tasks
    tasks = tasks.with_tasks(Task(**dataset.task) for dataset in _datasets(cfg, _FOREIGN))
    if pretrained is not None:
        cfg.model.backbone.pretrained = None if pretrained.lower() == 'none' else pretrained
    source = cfg.model.backbone.get('pretrained')
    if source is not None:
        # Kept with the run, so that its checkpoints can be tested where the weights are not.
        encoder = MODELS.get(cfg.model.backbone.type)
        if hasattr(encoder, 'resolve'):
            cfg.model.backbone.update(encoder.resolve(source))
    return _set_tasks(cfg, tasks)


def set_data_root(cfg: Config, data_root: str) -> Config:
    """Sets the root of every FMC-UIA data set of a config, and its variable ``data_root`` if it has one.

    Args:
        cfg: Changed in place.
        data_root: A folder with ``csv_files``, or with ``train`` and ``val`` that hold it.
    """
    if 'data_root' in cfg:
        cfg.data_root = data_root
    for dataset in _datasets(cfg, _FMC):
        dataset.data_root = data_root
    return cfg


def adopt_checkpoint(cfg: Config, checkpoint: str | Path, data_root: str | None = None) -> Config:
    """Gives a config the tasks and the encoder's size that a checkpoint was trained with.

    Args:
        cfg: Changed in place. checkpoint: File of a training run.
        data_root: For every FMC-UIA data set of the config; None keeps theirs.

    Raises:
        DataError: If there is no data.
        WeightsError: If the file is no checkpoint of aurora_mm.
        ConfigError: If the data has a task that the checkpoint was not trained for.
    """
    loaded = read_checkpoint(checkpoint)
    trained, backbone = trained_tasks(loaded), trained_config(loaded).model.backbone
    for folder in _folders(cfg, data_root):
        unknown = {record.task for record in _read(folder, trained).records} - trained.keys()
        if unknown:
            raise ConfigError(
                f'{folder} holds tasks that {checkpoint} was not trained for: {", ".join(sorted(unknown))}'
            )
    for dataset in _datasets(cfg, _FOREIGN):
        if dataset.task.name not in trained:
            raise ConfigError(f'the config has task {dataset.task.name!r}, which {checkpoint} was not trained for')
    # The encoder is the trained one, whatever this config says: its size, taps and LoRA make up the checkpoint's names.
    cfg.model.backbone = backbone
    return _set_tasks(cfg, trained)


def start_from(cfg: Config, checkpoint: str | Path, data_root: str | None = None) -> Config:
    """Sets up a training that starts from the weights of a trained model, see :class:`aurora_mm.engine.StartFromHook`.

    Tasks and encoder are those of the checkpoint, necks and heads this config's: they must be made as they were
    there.

    Args:
        cfg: Changed in place. checkpoint, data_root: See :func:`adopt_checkpoint`, which also says what is raised.
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
    if dataset.get('type') not in _FMC or is_labelled(_folder(dataset)):
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
        loaded = read_checkpoint(checkpoint)
        require_same_tasks(checkpoint, trained_tasks(loaded), checkpoints[0], TaskTable(cfg.tasks))
        members.append(trained_config(loaded).model)
    cfg.model = dict(type='EnsembleModel', models=members)
    return cfg


def load_weights(model: nn.Module, checkpoints: Sequence[str | Path]) -> None:
    """Loads a checkpoint into a model, every tensor that predictions depend on, or one into each member of an ensemble.

    The state of the balancer and of the running losses stays as it is: a run with another balancer than the config's is
    tested with the same config.

    Args:
        model: As MMEngine wrapped it, if it did. checkpoints: One for each member.

    Raises:
        WeightsError: If a file is no checkpoint of aurora_mm, or a tensor is missing, left over or of another shape,
            with torch's list of them.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    members = model.members if isinstance(model, EnsembleModel) else [model]
    for member, checkpoint in zip(members, checkpoints, strict=True):
        state = read_checkpoint(checkpoint)['state_dict']
        state = {name: tensor for name, tensor in state.items() if not name.startswith(STATE_OF_THE_RUN)}
        own = {name: tensor for name, tensor in member.state_dict().items() if name.startswith(STATE_OF_THE_RUN)}
        try:
            load_state_dict(member, state | own, strict=True)
        except RuntimeError as error:
            raise WeightsError(f'{checkpoint} does not fit the model of this config: {error}') from error


def _leave_absent_hooks_out(cfg: Config) -> None:
    """Takes hooks that are None out of ``default_hooks``: MMEngine understands that of its own alone."""
    hooks = cfg.get('default_hooks') or {}
    for key in [key for key, hook in hooks.items() if hook is None and key not in _MMENGINE_HOOKS]:
        del hooks[key]


def _set_tasks(cfg: Config, tasks: TaskTable) -> Config:
    cfg.tasks = tasks.to_config()
    cfg.model.tasks = tasks.to_config()
    for dataset in _datasets(cfg, _FMC):
        dataset.tasks = tasks.to_config()
    return cfg


def _datasets(cfg: Config, types: Sequence[str]) -> Iterator[ConfigDict]:
    """The data sets of some types, wherever they stand: alone or side by side in a ConcatTaskDataset."""
    for key in LOADERS:
        dataset = (cfg.get(key) or {}).get('dataset')
        if dataset is not None:
            yield from (part for part in dataset.get('datasets', [dataset]) if part.get('type') in types)


def _folders(cfg: Config, data_root: str | None) -> list[Path]:
    """The folders of ``csv_files`` that the data sets read, each once, after ``data_root`` was set on all of them."""
    if data_root is not None:
        set_data_root(cfg, data_root)
    return list(dict.fromkeys(_folder(dataset) for dataset in _datasets(cfg, _FMC)))


def _folder(dataset: ConfigDict) -> Path:
    """The folder of ``csv_files`` that a data set reads."""
    root = Path(dataset.data_root)
    return root if (root / 'csv_files').is_dir() else root / dataset.get('split', 'train')


def _read(folder: Path, tasks: TaskTable) -> FmcIndex:
    """The rows of a folder, for their tasks alone: bad rows are the data set's to report."""
    if not folder.is_dir():
        raise DataError(
            f'no data at {folder.parent}. Give the folder that holds csv_files (or train/ and val/ with them) as '
            '--data-root, or try everything on generated data: '
            '`python tools/dataset_converters/make_demo_data.py DIR`, then '
            '`python tools/train.py configs/aurora_fmc_demo.py --data-root DIR`'
        )
    return read_root(folder, tasks, with_labels=False, on_error='skip')
