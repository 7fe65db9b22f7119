"""Finds mistakes in a config without building it: unknown types, arguments and keys, and pipelines in a wrong order."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from multiprocessing import get_all_start_methods
from pathlib import Path
from typing import Any

from mmengine import registry as mm
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.registry import Registry
from mmengine.runner import Runner
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.utils.data import DataLoader

from aurora_mm.apis.config_check.arguments import arguments_of
from aurora_mm.apis.config_check.known_keys import known_keys
from aurora_mm.apis.config_check.lookup import look_up, near_names, near_types, registries_within
from aurora_mm.apis.config_check.numbers import check_numbers
from aurora_mm.apis.config_check.pipelines import check_pipelines
from aurora_mm.apis.config_check.unread_variables import check_variables
from aurora_mm.apis.config_source import place_of
from aurora_mm.config_variables import LOADERS
from aurora_mm.errors import ConfigError

_EVALUATORS = ('val_evaluator', 'test_evaluator')

# Top-level keys with config dicts of components, and the registries of these.
_COMPONENTS: dict[str, tuple[Registry, ...]] = {
    'model': (mm.MODELS,),
    'tta_model': (mm.MODELS,),
    'data_preprocessor': (mm.MODELS,),
    'model_wrapper_cfg': (mm.MODEL_WRAPPERS,),
    'optim_wrapper': (mm.OPTIM_WRAPPERS,),
    'param_scheduler': (mm.PARAM_SCHEDULERS,),
    'train_cfg': (mm.LOOPS,),
    'val_cfg': (mm.LOOPS,),
    'test_cfg': (mm.LOOPS,),
    'default_hooks': (mm.HOOKS,),
    'custom_hooks': (mm.HOOKS,),
    'visualizer': (mm.VISUALIZERS,),
    'log_processor': (mm.LOG_PROCESSORS,),
    'tta_pipeline': (mm.TRANSFORMS,),
    'strategy': (mm.STRATEGIES,),
}
# Default types of MMEngine.
_DEFAULT_TYPES = {
    'optim_wrapper': 'OptimWrapper',
    'val_cfg': 'ValLoop',
    'test_cfg': 'TestLoop',
    'visualizer': 'Visualizer',
    'log_processor': 'LogProcessor',
}
# Keys that MMEngine removes from a config dict before it builds the component.
_TAKEN_OUT: dict[Registry, tuple[str, ...]] = {
    mm.HOOKS: ('priority',),
    mm.OPTIM_WRAPPERS: ('optimizer', 'constructor', 'paramwise_cfg'),
    mm.PARAM_SCHEDULERS: ('convert_to_iter_based',),
}
# Components of these registries get no arguments except those in their config dict.
_BUILT_ALONE = (mm.HOOKS, mm.TRANSFORMS, mm.METRICS)
# Arguments that are never in a config, because the builder adds them.
_ADDED = ('params', 'optimizer', 'runner', 'type')
# Keys whose dicts may have a `type` that is not the name of a class, such as a task type.
_NO_COMPONENTS = ('tasks', 'task', 'metainfo', 'clip_grad')
_PLAIN: dict[str, tuple[str, ...]] = {
    'randomness': tuple(inspect.signature(Runner.set_randomness).parameters)[1:],
    'env_cfg': ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'),
    'auto_scale_lr': ('enable', 'base_batch_size'),
    'custom_imports': ('imports', 'allow_failed_imports'),
}
# Keys of `paramwise_cfg` according to the docstring of MMEngine's DefaultOptimWrapperConstructor.
_PARAMWISE = (
    'custom_keys',
    'bias_lr_mult',
    'bias_decay_mult',
    'norm_decay_mult',
    'flat_decay_mult',
    'dwconv_decay_mult',
    'dcn_offset_lr_mult',
    'bypass_duplicate',
)


def check_config(cfg: Config) -> None:
    """Check a config for mistakes that can be found without building it.

    All config dicts that a runner builds are checked, also nested ones. Nested dicts of other packages may have a
    ``type`` that is not in any registry, such as ``nms=dict(type='nms')`` of mmdet, or keys that are no arguments, such
    as ``norm_cfg=dict(type='BN', requires_grad=True)`` of mmcv. Both are accepted.

    Args:
        cfg: The config. It is not changed.

    Raises:
        ConfigError: If there is a mistake. The message names the file, the key path and similar known names.
    """
    _Checker(cfg).run()
    check_variables(cfg)
    check_numbers(cfg)
    check_pipelines(cfg)


class _Checker:
    """Checks all values of a config recursively."""

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.scope = cfg.get('default_scope') or 'mmengine'

    def run(self) -> None:
        known = known_keys()
        for key, value in self.cfg.items():
            if key not in known:
                self._refuse_misspelt(key, value, known)
            elif key == 'tasks' and not isinstance(value, list | tuple):
                raise self._error(key, f'a list of tasks is needed, not {value!r}', [])
            elif key in LOADERS:
                self._loader(value, key)
            elif key in _EVALUATORS:
                self._evaluator(value, key)
            elif key in _PLAIN:
                self._keys(value, key, _PLAIN[key], 'takes')
                if key == 'env_cfg' and isinstance(value.get('mp_cfg'), Mapping):
                    self._start_method(value.mp_cfg.get('mp_start_method'), f'{key}.mp_cfg.mp_start_method')
            elif key in _COMPONENTS:
                self._component(value, key, _COMPONENTS[key])

    def _refuse_misspelt(self, key: str, value: Any, known: Iterable[str]) -> None:
        """Raise an error if an unknown key is similar to a known key and its value is a dict or a list."""
        near = _misspelt(key, known)
        if near and isinstance(value, Mapping | list | tuple):
            raise self._error(key, 'nothing reads this key', near)

    def _loader(self, loader: Any, path: str) -> None:
        if not isinstance(loader, Mapping):
            return
        names = [*inspect.signature(DataLoader.__init__).parameters][1:]
        self._keys(loader, path, [*names, 'num_batch_per_epoch', 'disable_subprocess_warning'], 'a data loader takes')
        self._start_method(loader.get('multiprocessing_context'), f'{path}.multiprocessing_context')
        if loader.get('num_batch_per_epoch') is not None and loader.get('batch_sampler') is not None:
            # MMEngine takes the first images of the data set for it, and a batch sampler draws from all.
            advice = 'has no effect beside a batch_sampler; set batch_sampler.num_batches'
            raise self._error(f'{path}.num_batch_per_epoch', advice, [])
        for key, registry in (
            ('dataset', mm.DATASETS),
            ('sampler', mm.DATA_SAMPLERS),
            ('batch_sampler', mm.DATA_SAMPLERS),
            ('collate_fn', mm.FUNCTIONS),
            ('worker_init_fn', mm.FUNCTIONS),
        ):
            self._component(loader.get(key), f'{path}.{key}', (registry,))

    def _start_method(self, value: Any, path: str) -> None:
        """Check a name of a way in which Python starts processes."""
        known = get_all_start_methods()
        if isinstance(value, str) and value not in known:
            raise self._error(path, f'{value!r} is none of {", ".join(known)}', near_names(value, known), value)

    def _evaluator(self, evaluator: Any, path: str) -> None:
        if isinstance(evaluator, Mapping) and 'metrics' in evaluator:
            self._component({'type': 'Evaluator', **evaluator}, path, (mm.EVALUATOR,))
        else:
            self._component(evaluator, path, (mm.METRICS,))

    def _component(self, config: Any, path: str, registries: Sequence[Registry]) -> None:
        """Check one config dict, a list of them, or a dict of them."""
        if isinstance(config, list | tuple):
            for index, item in enumerate(config):
                self._component(item, f'{path}.{index}', registries)
        elif isinstance(config, Mapping):
            if 'type' not in config and path in _DEFAULT_TYPES:
                config = {'type': _DEFAULT_TYPES[path], **config}
            if path == 'train_cfg' and 'by_epoch' in config:
                kind = 'EpochBasedTrainLoop' if config['by_epoch'] else 'IterBasedTrainLoop'
                config = {'type': kind} | {key: value for key, value in config.items() if key != 'by_epoch'}
            if 'type' in config:
                self._typed(config, path, registries, [self.scope], strict=True)
            else:
                self._named(config, path, registries)

    def _named(self, configs: Mapping[str, Any], path: str, registries: Sequence[Registry]) -> None:
        """Check a dict of config dicts by name, such as ``default_hooks``."""
        for name, config in configs.items():
            if isinstance(config, Mapping) and 'type' not in config:
                raise self._error(f'{path}.{name}', 'has no `type`', near_names(name, set(configs) - {name}))
            self._component(config, f'{path}.{name}', registries)

    def _typed(
        self, config: Mapping[str, Any], path: str, registries: Sequence[Registry], scopes: list[str], strict: bool
    ) -> None:
        """Check a config dict with a ``type``, and the dicts among its arguments.

        Args:
            config: The config dict.
            path: Its key path.
            registries: Root registries of MMEngine in which its type is looked up.
            scopes: Scopes in which a type without a scope is looked up.
            strict: Whether an unknown type is an error, and each unknown argument of a model's part. False within a
                part of another package.
        """
        kind = config['type']
        scopes = [config['_scope_']] if '_scope_' in config else scopes
        found = look_up(kind, registries, scopes)
        if found is None:
            if strict:
                near = near_types(kind, registries, scopes[0])
                raise self._error(f'{path}.type', f'{kind!r} is not registered', near, kind)
            return
        # mmcv, mmdet and mmseg take keys out of the config dicts of their layers before they build them, such as
        # `requires_grad` of `norm_cfg`. So only a misspelt key is an error there; building finds the others.
        exact = strict or found.registry is not mm.MODELS
        self._arguments(config, path, found.component, found.registry, exact)
        if found.registry is mm.OPTIM_WRAPPERS:
            self._optim_wrapper(config, path)
        prefix, dot, _ = kind.partition('.') if isinstance(kind, str) else ('', '', '')
        inside = [prefix, *scopes] if dot and prefix not in scopes else scopes
        ours = found.component.__module__.startswith('aurora_mm.')
        for key, value in config.items():
            if key not in ('type', '_scope_', *_NO_COMPONENTS):
                self._within(value, f'{path}.{key}', found.registry, inside, strict=ours)

    def _within(self, value: Any, path: str, parent: Registry, scopes: list[str], strict: bool) -> None:
        """Check an argument: a config dict, a list or a dict of them, or any other value."""
        if isinstance(value, list | tuple):
            for index, item in enumerate(value):
                self._within(item, f'{path}.{index}', parent, scopes, strict)
        elif isinstance(value, Mapping) and 'type' in value:
            self._typed(value, path, registries_within(parent, everywhere=strict), scopes, strict)
        elif isinstance(value, Mapping):
            typed = {name for name, config in value.items() if isinstance(config, Mapping) and 'type' in config}
            for name, config in value.items():
                if strict and typed and isinstance(config, Mapping) and 'type' not in config:
                    raise self._error(f'{path}.{name}', 'has no `type`', near_names(name, typed))
                self._within(config, f'{path}.{name}', parent, scopes, strict)

    def _arguments(self, config: Mapping[str, Any], path: str, component: Any, registry: Registry, exact: bool) -> None:
        arguments = arguments_of(component)
        name = getattr(component, '__name__', str(component))
        names, complete = arguments.names, arguments.complete
        if component is EMAHook:  # passes unknown arguments to the averaged model
            averaged = look_up(config.get('ema_type', 'ExponentialMovingAverage'), (mm.MODELS,), [self.scope])
            if averaged is not None:
                others = arguments_of(averaged.component)
                names, complete = names + others.names, others.complete
        if complete:
            allowed = (*names, *_TAKEN_OUT.get(registry, ()), 'type', '_scope_')
            checked = config if exact else [key for key in config if key not in allowed and _misspelt(key, allowed)]
            self._keys(checked, path, allowed, f'{name} takes')
        missing = [key for key in arguments.required if key not in config]
        if registry in _BUILT_ALONE and missing:
            raise self._error(path, f'{name} needs {", ".join(missing)}', [], str(config['type']))

    def _optim_wrapper(self, config: Mapping[str, Any], path: str) -> None:
        self._component(config.get('optimizer'), f'{path}.optimizer', (mm.OPTIMIZERS,))
        constructor = config.get('constructor')
        if constructor is not None:
            registries = (mm.OPTIM_WRAPPER_CONSTRUCTORS,)
            if look_up(constructor, registries, [self.scope]) is None:
                near = near_types(constructor, registries, self.scope)
                raise self._error(f'{path}.constructor', f'{constructor!r} is not registered', near)
        else:
            self._keys(
                config.get('paramwise_cfg'), f'{path}.paramwise_cfg', _PARAMWISE, 'the default constructor reads'
            )
        clip = config.get('clip_grad')
        if isinstance(clip, Mapping):
            function = clip_grad_value_ if clip.get('type') == 'value' else clip_grad_norm_
            names = [*inspect.signature(function).parameters][1:]
            self._keys(clip, f'{path}.clip_grad', ['type', *names], f'{function.__name__} takes')

    def _keys(self, values: Any, path: str, allowed: Iterable[str], takes: str) -> None:
        """Raise an error for a key that is not allowed, among the keys of a dict or in a list."""
        if not isinstance(values, Mapping | list):
            return
        allowed = list(allowed)
        for key in values:
            if key not in allowed:
                known = [name for name in allowed if not name.startswith('_') and name not in _ADDED]
                near = near_names(key, known)
                reason = 'unknown' if near else f'unknown; {takes} {", ".join(known) or "no argument"}'
                raise self._error(f'{path}.{key}', reason, near)

    def _error(self, path: str, problem: str, near: Sequence[str], text: str | None = None) -> ConfigError:
        """Create an error about a key path. The line is found by ``text``, or by the last key of the path."""
        hint = f'; did you mean {" or ".join(near)}?' if near else ''
        place = place_of(Path(self.cfg.filename), text or path.rpartition('.')[2])
        return ConfigError(f'{place}: {path}: {problem}{hint}')


def _misspelt(key: str, known: Iterable[str]) -> list[str]:
    """Return the known name that differs from a key by a letter or two; an empty list if there is none."""
    return difflib.get_close_matches(key, sorted(known), n=1, cutoff=0.885)
