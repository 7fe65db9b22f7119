"""Makes a config concrete: where the data is, which tasks it holds, which weights to start from.

A config is text that is read once, so that changing ``data_root`` changes no data set that was built from it. These
functions set every place that depends on such a choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner

from aurora_mm.datasets.fmc_csv import FmcIndex, read_root
from aurora_mm.errors import ConfigError, DataError, WeightsError
from aurora_mm.models.backbones.visual_weights import read_vision_config
from aurora_mm.tasks import Task, TaskTable

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_FMC = ('FMCUIADataset', 'aurora_mm.FMCUIADataset')
_FOREIGN = ('TaskDataset', 'aurora_mm.TaskDataset')


def resolve_config(cfg: Config, data_root: str | None = None, pretrained: str | None = None) -> Config:
    """Sets the data root, the tasks and the encoder's weights wherever the config depends on them.

    Args:
        cfg: Changed in place. ``cfg.tasks`` is the table of known tasks; those found in the data are added, and those
            of the data sets of mmdet and mmseg.
        data_root: For every FMC-UIA data set of the config; None keeps theirs.
        pretrained: A folder or hub id, 'none' for random weights, or None to keep the config's.

    Raises:
        DataError: If there is no data. ConfigError: If the data contradicts the table.
        WeightsError: If ``pretrained`` is not there.
    """
    tasks = TaskTable(cfg.get('tasks', []))
    for folder in _folders(cfg, data_root):
        tasks = _read(folder, tasks).tasks
    tasks = tasks.with_tasks(Task(**dataset.task) for dataset in _datasets(cfg, _FOREIGN))
    if pretrained is not None:
        cfg.model.backbone.pretrained = None if pretrained.lower() == 'none' else pretrained
    source = cfg.model.backbone.get('pretrained')
    if source is not None:
        # Kept with the run, so that its checkpoints can be tested where the weights are not.
        config = read_vision_config(source)
        sizes = ('depth', 'hidden_size', 'intermediate_size', 'num_heads', 'num_position_embeddings', 'hidden_act')
        cfg.model.backbone.preset = {name: getattr(config, name) for name in sizes}
    return _set_tasks(cfg, tasks)


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
    if not Path(checkpoint).is_file():
        raise WeightsError(f'no checkpoint at {checkpoint}; `python tools/train.py CONFIG` writes them to its work dir')
    # MMEngine's checkpoints hold NumPy values beside tensors, which torch's restricted reader refuses.
    meta = torch.load(checkpoint, map_location='cpu', weights_only=False, mmap=True).get('meta', {})
    if 'tasks' not in (meta.get('dataset_meta') or {}):
        raise WeightsError(f'{checkpoint} names no tasks: it is no checkpoint of an aurora_mm training run')
    trained = TaskTable(meta['dataset_meta']['tasks'])
    for folder in _folders(cfg, data_root):
        unknown = {record.task for record in _read(folder, trained).records} - trained.keys()
        if unknown:
            raise ConfigError(
                f'{folder} holds tasks that {checkpoint} was not trained for: {", ".join(sorted(unknown))}'
            )
    for dataset in _datasets(cfg, _FOREIGN):
        if dataset.task.name not in trained:
            raise ConfigError(f'the config has task {dataset.task.name!r}, which {checkpoint} was not trained for')
    cfg.model.backbone.pretrained = None
    trained_backbone = Config.fromstring(meta['cfg'], file_format='.py').model.backbone
    if 'preset' in trained_backbone:
        cfg.model.backbone.preset = trained_backbone.preset
    return _set_tasks(cfg, trained)


def load_weights(runner: Runner, checkpoint: str | Path) -> None:
    """Loads a checkpoint into the runner's model, every tensor of it.

    Raises:
        WeightsError: If a tensor is missing, left over or of another shape, with torch's list of them.
    """
    try:
        runner.load_checkpoint(str(checkpoint), strict=True)
    except RuntimeError as error:
        raise WeightsError(f'{checkpoint} does not fit the model of this config: {error}') from error


def _set_tasks(cfg: Config, tasks: TaskTable) -> Config:
    cfg.tasks = tasks.to_config()
    cfg.model.tasks = tasks.to_config()
    for dataset in _datasets(cfg, _FMC):
        dataset.tasks = tasks.to_config()
    return cfg


def _datasets(cfg: Config, types: Sequence[str]) -> Iterator[ConfigDict]:
    """The data sets of some types, wherever they stand: alone or side by side in a ConcatTaskDataset."""
    for key in _LOADERS:
        dataset = (cfg.get(key) or {}).get('dataset')
        if dataset is not None:
            yield from (part for part in dataset.get('datasets', [dataset]) if part.get('type') in types)


def _folders(cfg: Config, data_root: str | None) -> list[Path]:
    """The folders of ``csv_files`` that the data sets read, each once, after ``data_root`` was set on all of them."""
    folders: dict[Path, None] = {}
    for dataset in _datasets(cfg, _FMC):
        if data_root is not None:
            dataset.data_root = data_root
        root = Path(dataset.data_root)
        folders[root if (root / 'csv_files').is_dir() else root / dataset.get('split', 'train')] = None
    return list(folders)


def _read(folder: Path, tasks: TaskTable) -> FmcIndex:
    """The rows of a folder, for their tasks alone: bad rows are the data set's to report."""
    if not folder.is_dir():
        raise DataError(
            f'no data at {folder.parent}. Give the folder that holds csv_files (or train/ and val/ with them) as '
            '--data-root, or try everything on generated data: `python tools/make_demo_data.py DIR`, then '
            '`python tools/train.py configs/aurora_fmc_demo.py --data-root DIR`'
        )
    return read_root(folder, tasks, with_labels=False, on_error='skip')
