"""Finds mistakes in a config before anything is built: unknown types, unknown arguments, keys that nothing reads."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine import registry as mm
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.registry import Registry
from mmengine.runner import Runner
from mmengine.runner._flexible_runner import FlexibleRunner
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.utils.data import DataLoader

from aurora_mm.apis.config_check.arguments import arguments_of
from aurora_mm.apis.config_check.lookup import look_up, near_names, near_types, registries_within
from aurora_mm.apis.config_source import place_of
from aurora_mm.errors import ConfigError

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_EVALUATORS = ('val_evaluator', 'test_evaluator')

# Where a part stands, the registries that it is built from.
_PARTS: dict[str, tuple[Registry, ...]] = {
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
# What MMEngine builds where a part names no type.
_DEFAULT_TYPES = {
    'optim_wrapper': 'OptimWrapper',
    'val_cfg': 'ValLoop',
    'test_cfg': 'TestLoop',
    'visualizer': 'Visualizer',
    'log_processor': 'LogProcessor',
}
# Keys that MMEngine takes out of a part's config before it builds the part.
_TAKEN_OUT: dict[Registry, tuple[str, ...]] = {
    mm.HOOKS: ('priority',),
    mm.OPTIM_WRAPPERS: ('optimizer', 'constructor', 'paramwise_cfg'),
    mm.PARAM_SCHEDULERS: ('convert_to_iter_based',),
}
# Parts of these are built from their config alone: an argument that is not there is not added by anything.
_BUILT_ALONE = (mm.HOOKS, mm.TRANSFORMS, mm.METRICS)
# Arguments that whoever builds a part adds, and no config.
_ADDED = ('params', 'optimizer', 'runner', 'type')
# Read by MMEngine or aurora_mm from the config itself, beside the arguments of the runners.
_OTHER_KEYS = (
    'tasks',
    'tta_model',
    'tta_pipeline',
    'model_wrapper_cfg',
    'runner_type',
    'custom_imports',
    'compile',
    'activation_checkpointing',
    'efficient_conv_bn_eval',
    'sync_bn',
    'find_unused_parameters',
)
# These hold descriptions, whose `type` is that of a task and no class's name.
_NO_PARTS = ('tasks', 'task', 'metainfo', 'clip_grad')
_PLAIN: dict[str, tuple[str, ...]] = {
    'randomness': tuple(inspect.signature(Runner.set_randomness).parameters)[1:],
    'env_cfg': ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'),
    'auto_scale_lr': ('enable', 'base_batch_size'),
    'custom_imports': ('imports', 'allow_failed_imports'),
}
# What MMEngine's constructor of optimisers reads of `paramwise_cfg`, by its docstring.
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


def known_keys() -> set[str]:
    """The keys of a config that a runner or aurora_mm reads; any other is a variable of the file."""
    runners = (*inspect.signature(Runner.__init__).parameters, *inspect.signature(FlexibleRunner.__init__).parameters)
    return {*runners, *_OTHER_KEYS} - {'self', 'cfg'}


def check_config(cfg: Config) -> None:
    """Refuses a config with a mistake that can be seen without building it.

    Looked at are all parts that a runner builds, wherever they stand. Types within a part of another package are not
    always a registry's (``nms=dict(type='nms')`` of mmdet): an unknown one is left to that package.

    Args:
        cfg: Is not changed.

    Raises:
        ConfigError: Naming file, key path, and the nearest of the known names.
    """
    _Checker(cfg).run()


class _Checker:
    """One walk through a config."""

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
            elif key in _LOADERS:
                self._loader(value, key)
            elif key in _EVALUATORS:
                self._evaluator(value, key)
            elif key in _PLAIN:
                self._keys(value, key, _PLAIN[key], 'takes')
            elif key in _PARTS:
                self._part(value, key, _PARTS[key])

    def _refuse_misspelt(self, key: str, value: Any, known: Iterable[str]) -> None:
        """A variable may have any name, but not one that is nearly that of a key, with a value like that key's."""
        near = difflib.get_close_matches(key, sorted(known), n=1, cutoff=0.9)
        if near and isinstance(value, Mapping | list | tuple):
            raise self._error(key, 'nothing reads this key', near)

    def _loader(self, loader: Any, path: str) -> None:
        if not isinstance(loader, Mapping):
            return
        names = [*inspect.signature(DataLoader.__init__).parameters][1:]
        self._keys(loader, path, [*names, 'num_batch_per_epoch', 'disable_subprocess_warning'], 'a data loader takes')
        for key, registry in (
            ('dataset', mm.DATASETS),
            ('sampler', mm.DATA_SAMPLERS),
            ('batch_sampler', mm.DATA_SAMPLERS),
            ('collate_fn', mm.FUNCTIONS),
            ('worker_init_fn', mm.FUNCTIONS),
        ):
            self._part(loader.get(key), f'{path}.{key}', (registry,))

    def _evaluator(self, evaluator: Any, path: str) -> None:
        if isinstance(evaluator, Mapping) and 'metrics' in evaluator:
            self._part({'type': 'Evaluator', **evaluator}, path, (mm.EVALUATOR,))
        else:
            self._part(evaluator, path, (mm.METRICS,))

    def _part(self, part: Any, path: str, registries: Sequence[Registry]) -> None:
        """A part, several in a list, or several by name."""
        if isinstance(part, list | tuple):
            for index, item in enumerate(part):
                self._part(item, f'{path}.{index}', registries)
        elif isinstance(part, Mapping):
            if 'type' not in part and path in _DEFAULT_TYPES:
                part = {'type': _DEFAULT_TYPES[path], **part}
            if path == 'train_cfg' and 'by_epoch' in part:
                kind = 'EpochBasedTrainLoop' if part['by_epoch'] else 'IterBasedTrainLoop'
                part = {'type': kind} | {key: value for key, value in part.items() if key != 'by_epoch'}
            if 'type' in part:
                self._typed(part, path, registries, [self.scope], strict=True)
            else:
                self._named(part, path, registries)

    def _named(self, parts: Mapping[str, Any], path: str, registries: Sequence[Registry]) -> None:
        """Parts by name, as in ``default_hooks``."""
        for name, part in parts.items():
            if isinstance(part, Mapping) and 'type' not in part:
                raise self._error(f'{path}.{name}', 'has no `type`', near_names(name, set(parts) - {name}))
            self._part(part, f'{path}.{name}', registries)

    def _typed(
        self, part: Mapping[str, Any], path: str, registries: Sequence[Registry], scopes: list[str], strict: bool
    ) -> None:
        """A part with a ``type``, and all within it.

        Args:
            part: Its config.
            path: Where it stands.
            registries: MMEngine's own, where its type is looked for.
            scopes: In which a type without a scope may stand.
            strict: Whether an unknown type is a mistake for sure.
        """
        kind = part['type']
        scopes = [part['_scope_']] if '_scope_' in part else scopes
        found = look_up(kind, registries, scopes)
        if found is None:
            if strict:
                near = near_types(kind, registries, scopes[0])
                raise self._error(f'{path}.type', f'{kind!r} is not registered', near, kind)
            return
        self._arguments(part, path, found.component, found.registry)
        if found.registry is mm.OPTIM_WRAPPERS:
            self._optim_wrapper(part, path)
        prefix, dot, _ = kind.partition('.') if isinstance(kind, str) else ('', '', '')
        inside = [prefix, *scopes] if dot and prefix not in scopes else scopes
        ours = found.component.__module__.startswith('aurora_mm.')
        for key, value in part.items():
            if key not in ('type', '_scope_', *_NO_PARTS):
                self._within(value, f'{path}.{key}', found.registry, inside, strict=ours)

    def _within(self, value: Any, path: str, parent: Registry, scopes: list[str], strict: bool) -> None:
        """What stands in an argument of a part: another part, a list of them, some by name, or a plain value."""
        if isinstance(value, list | tuple):
            for index, item in enumerate(value):
                self._within(item, f'{path}.{index}', parent, scopes, strict)
        elif isinstance(value, Mapping) and 'type' in value:
            self._typed(value, path, registries_within(parent, everywhere=strict), scopes, strict)
        elif isinstance(value, Mapping):
            typed = {name for name, part in value.items() if isinstance(part, Mapping) and 'type' in part}
            for name, part in value.items():
                if strict and typed and isinstance(part, Mapping) and 'type' not in part:
                    raise self._error(f'{path}.{name}', 'has no `type`', near_names(name, typed))
                self._within(part, f'{path}.{name}', parent, scopes, strict)

    def _arguments(self, part: Mapping[str, Any], path: str, component: Any, registry: Registry) -> None:
        arguments = arguments_of(component)
        name = getattr(component, '__name__', str(component))
        names, complete = arguments.names, arguments.complete
        if component is EMAHook:  # hands what it does not know to the averaged model
            averaged = look_up(part.get('ema_type', 'ExponentialMovingAverage'), (mm.MODELS,), [self.scope])
            if averaged is not None:
                others = arguments_of(averaged.component)
                names, complete = names + others.names, others.complete
        if complete:
            allowed = (*names, *_TAKEN_OUT.get(registry, ()), 'type', '_scope_')
            self._keys(part, path, allowed, f'{name} takes')
        missing = [key for key in arguments.required if key not in part]
        if registry in _BUILT_ALONE and missing:
            raise self._error(path, f'{name} needs {", ".join(missing)}', [], str(part['type']))

    def _optim_wrapper(self, part: Mapping[str, Any], path: str) -> None:
        self._part(part.get('optimizer'), f'{path}.optimizer', (mm.OPTIMIZERS,))
        constructor = part.get('constructor')
        if constructor is not None:
            registries = (mm.OPTIM_WRAPPER_CONSTRUCTORS,)
            if look_up(constructor, registries, [self.scope]) is None:
                near = near_types(constructor, registries, self.scope)
                raise self._error(f'{path}.constructor', f'{constructor!r} is not registered', near)
        else:
            self._keys(part.get('paramwise_cfg'), f'{path}.paramwise_cfg', _PARAMWISE, 'the default constructor reads')
        clip = part.get('clip_grad')
        if isinstance(clip, Mapping):
            function = clip_grad_value_ if clip.get('type') == 'value' else clip_grad_norm_
            names = [*inspect.signature(function).parameters][1:]
            self._keys(clip, f'{path}.clip_grad', ['type', *names], f'{function.__name__} takes')

    def _keys(self, values: Any, path: str, allowed: Iterable[str], takes: str) -> None:
        """Refuses a key that is not allowed."""
        if not isinstance(values, Mapping):
            return
        allowed = list(allowed)
        for key in values:
            if key not in allowed:
                known = [name for name in allowed if not name.startswith('_') and name not in _ADDED]
                near = near_names(key, known)
                reason = 'unknown' if near else f'unknown; {takes} {", ".join(known) or "no argument"}'
                raise self._error(f'{path}.{key}', reason, near)

    def _error(self, path: str, problem: str, near: Sequence[str], text: str | None = None) -> ConfigError:
        """The error about what stands at a key path; ``text`` is what to look for in the files if not the key."""
        hint = f'; did you mean {" or ".join(near)}?' if near else ''
        place = place_of(Path(self.cfg.filename), text or path.rpartition('.')[2])
        return ConfigError(f'{place}: {path}: {problem}{hint}')
