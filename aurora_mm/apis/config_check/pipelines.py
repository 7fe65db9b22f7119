"""Checks the pipelines of the data sets of a config."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine import registry as mm
from mmengine.config import Config

from aurora_mm.apis.config_check.lookup import look_up
from aurora_mm.datasets.pipeline_order import order_fault
from aurora_mm.errors import ConfigError

# Coordinates of the annotations that a data loader must give; test data may have none.
_ANNOTATIONS = {'train_dataloader': 'network', 'val_dataloader': 'original', 'test_dataloader': None}


def check_pipelines(cfg: Config) -> None:
    """Check the pipelines of a config and its views of test-time augmentation, but no data set of another package.

    Args:
        cfg: The config, whose types are registered.

    Raises:
        ConfigError: If a pipeline has no step, lacks one, or has steps in a wrong order. The message names the file,
            the key of the pipeline and the step.
    """
    scope = cfg.get('default_scope') or 'mmengine'
    for loader, coordinates in _ANNOTATIONS.items():
        for key, pipeline in _pipelines_of(_within(cfg, loader, 'dataset'), f'{loader}.dataset', scope):
            check_pipeline(pipeline, f'{cfg.filename}: {key}', scope, coordinates)
    _check_views(cfg, cfg.filename, scope)


def check_prediction_pipeline(cfg: Config, file: str | Path) -> None:
    """Check the pipeline of a trained model, with which it predicts.

    Args:
        cfg: The config in a checkpoint or model folder.
        file: Path of the checkpoint or model folder, for error messages.

    Raises:
        ConfigError: As :func:`check_pipelines`; also if there is no pipeline, or a step is not registered.
    """
    pipeline = _within(cfg, 'test_dataloader', 'dataset', 'pipeline')
    if pipeline is None:
        raise ConfigError(f'{file}: its config has no test_dataloader.dataset.pipeline, which prepares images')
    check_pipeline(pipeline, f'{file}: test_dataloader.dataset.pipeline', 'aurora_mm', None)
    _check_views(cfg, file, 'aurora_mm')


def check_pipeline(pipeline: Any, name: str, scope: str, annotations: str | None) -> None:
    """Check one pipeline.

    Args:
        pipeline: The configs of its steps.
        name: Name of the pipeline, for error messages.
        scope: Scope of types without a prefix.
        annotations: See :func:`aurora_mm.datasets.pipeline_order.order_fault`.

    Raises:
        ConfigError: See :func:`check_prediction_pipeline`.
    """
    for steps in _paths(pipeline, name, scope):
        fault = order_fault(steps, annotations)
        if fault is not None:
            given = ', '.join(step.__name__ for step in steps)
            raise ConfigError(f'{name}: {fault}' + (f'. Its steps are {given}' if given else ''))


def _check_views(cfg: Config, file: str | Path, scope: str) -> None:
    """Check the config's own pipeline of test-time augmentation, if it has one."""
    if cfg.get('tta_pipeline') is not None:
        check_pipeline(cfg.tta_pipeline, f'{file}: tta_pipeline', scope, None)


def _paths(pipeline: Any, name: str, scope: str) -> Iterator[list[type]]:
    """Yield the classes of the steps; for each choice of ``TestTimeAug``, which contains pipelines, its own."""
    if not isinstance(pipeline, list | tuple):
        raise ConfigError(f'{name} takes a list of steps, not {pipeline!r}')
    choices: list[list[list[type]]] = []
    for index, step in enumerate(pipeline):
        if not isinstance(step, Mapping) or 'type' not in step:
            raise ConfigError(f"{name}.{index} takes the config of a step, dict(type='...', ...), not {step!r}")
        found = look_up(step['type'], (mm.TRANSFORMS,), [scope])
        if found is None:
            raise ConfigError(f'{name}.{index}.type: {step["type"]!r} is not registered')
        if found.component.__name__ == 'TestTimeAug':
            for options in step.get('transforms', ()):
                choices.append([path for option in options for path in _paths([option], name, scope)])
        elif isinstance(found.component, type):
            choices.append([[found.component]])
    for chosen in itertools.product(*choices):
        yield [step for steps in chosen for step in steps]


def _pipelines_of(dataset: Any, key: str, scope: str, is_given: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield the pipelines of a data set of this package and of those in it, with their keys.

    Args:
        dataset: Config of the data set.
        key: Its key.
        scope: Scope of types without a prefix.
        is_given: Whether a data set around it gives it a pipeline.
    """
    found = (
        look_up(dataset['type'], (mm.DATASETS,), [scope])
        if isinstance(dataset, Mapping) and 'type' in dataset
        else None
    )
    if found is None or not found.component.__module__.startswith('aurora_mm.'):
        return
    if dataset.get('pipeline') is not None:
        yield f'{key}.pipeline', dataset['pipeline']
        is_given = True
    parameter = inspect.signature(found.component).parameters.get('pipeline')
    if not is_given and parameter is not None and parameter.default == ():
        yield f'{key}.pipeline', []
    yield from _pipelines_of(dataset.get('dataset'), f'{key}.dataset', scope, is_given)
    for index, other in enumerate(dataset.get('datasets') or ()):
        yield from _pipelines_of(other, f'{key}.datasets.{index}', scope, is_given)


def _within(value: Any, *keys: str) -> Any:
    """Return the value at a key path; None if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping | Config) else None
    return value
