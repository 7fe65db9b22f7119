"""Functions that change variables of a config, such as ``data_root``, and all values that were derived from them.

MMEngine evaluates a config file once. Setting a variable later, on the command line or in a child config, does not
change the values that were computed from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from mmengine.config import Config, ConfigDict

from aurora_mm.errors import ConfigError

FMC_DATASETS = ('FMCUIADataset', 'aurora_mm.FMCUIADataset')
MASKED_MODELS = ('MaskedImageModel', 'aurora_mm.MaskedImageModel')  # they pretrain, and predict nothing
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def set_data_root(cfg: Config, data_root: str) -> Config:
    """Set ``data_root`` of every FMC-UIA data set of a config, and the variable ``data_root`` if there is one.

    Args:
        cfg: Changed in place.
        data_root: Folder that contains ``csv_files/``, or ``train/csv_files/`` and ``val/csv_files/``.

    Returns:
        ``cfg``.
    """
    if 'data_root' in cfg:
        cfg.data_root = data_root
    for dataset in datasets_of(cfg, FMC_DATASETS):
        dataset.data_root = data_root
    return cfg


def set_image_size(cfg: Config, size: int | Sequence[int]) -> Config:
    """Set the size of the network input in all pipelines of a config.

    Args:
        cfg: Changed in place: the variable ``img_size`` and every ``FitToSize``.
        size: Size in pixels, (height, width) or one side of a square.

    Returns:
        ``cfg``.
    """
    cfg.img_size = size
    for step in _fitting_steps(cfg):
        step['size'] = size
    return cfg


# Variables that may be overridden, with functions that change all values that depend on them.
SETTERS: dict[str, Callable[[Config, Any], Config]] = {'img_size': set_image_size, 'data_root': set_data_root}


def check_image_size(cfg: Config) -> None:
    """Check that the variable ``img_size`` of a config, if there is one, is used by at least one pipeline.

    Args:
        cfg: A config.

    Raises:
        ConfigError: If no pipeline has this size, as in a child config that only sets ``img_size``.
    """
    size = cfg.get('img_size')
    sizes = {_pair(step['size']) for step in _fitting_steps(cfg) if 'size' in step}
    if size is not None and sizes and _pair(size) not in sizes:
        found = ', '.join(f'{height} x {width}' for height, width in sorted(sizes))
        raise ConfigError(
            f'img_size is {size}, but FitToSize in the pipelines says {found}: MMEngine reads a variable when it '
            'parses the file that the pipelines are in. Repeat the pipelines where img_size is changed, or give '
            '--cfg-options img_size=N, which reaches all of them'
        )


def image_size_of(cfg: Config) -> tuple[int, int] | None:
    """Return the (height, width) of the network input that the pipelines of a config make, that of the tests first.

    Args:
        cfg: A config.

    Returns:
        The size in pixels; None if there is no ``FitToSize`` with a size.
    """
    for loader in reversed(LOADERS):
        for dataset in datasets_of_loader(cfg, loader):
            for step in _of(dataset.get('pipeline') or ()):
                if 'size' in step:
                    return _pair(step['size'])
    return None


def datasets_of(cfg: Config, types: Sequence[str]) -> Iterator[ConfigDict]:
    """Yield the configs of all data sets of the given types.

    Args:
        cfg: A config.
        types: Registered names of the types.
    """
    for loader in LOADERS:
        yield from (dataset for dataset in datasets_of_loader(cfg, loader) if dataset.get('type') in types)


def datasets_of_loader(cfg: Config, loader: str) -> list[ConfigDict]:
    """Return the configs of the data sets of a data loader, those inside of wrappers such as ``ConcatTaskDataset``.

    Args:
        cfg: A config.
        loader: Key of the data loader, such as ``'train_dataloader'``.
    """
    dataset = (cfg.get(loader) or {}).get('dataset')
    return [] if dataset is None else [each for each in _with_parts(dataset) if not parts_of(each)]


def parts_of(dataset: Mapping[str, Any]) -> list[Any]:
    """Return the configs of the data sets of tasks that a wrapper is around; none if the data set is no wrapper.

    Args:
        dataset: Config of a data set of tasks.
    """
    if 'task' in dataset:  # a TaskDataset, which wraps a data set of another package
        return []
    return list(dataset['datasets']) if 'datasets' in dataset else [dataset['dataset']] if 'dataset' in dataset else []


def _with_parts(dataset: Any) -> Iterator[Any]:
    yield dataset
    for part in parts_of(dataset):
        yield from _with_parts(part)


def _fitting_steps(cfg: Config) -> Iterator[MutableMapping[str, Any]]:
    """Yield the config of every ``FitToSize``."""
    for loader in LOADERS:
        for each in _with_parts((cfg.get(loader) or {}).get('dataset') or {}):
            yield from _of(each.get('pipeline') or ())
    yield from _of(cfg.get('tta_pipeline') or ())


def _of(steps: Sequence[Any]) -> Iterator[MutableMapping[str, Any]]:
    for step in steps:
        if isinstance(step, MutableMapping):
            if str(step.get('type')).rsplit('.', 1)[-1] == 'FitToSize':
                yield step
            for options in step.get('transforms', ()):  # TestTimeAug has lists of them
                yield from _of(options if isinstance(options, list) else [options])


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])
