"""Finds registered components by their ``type``, and names that are similar to an unknown one."""

from __future__ import annotations

import contextlib
import difflib
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from mmengine import registry as mm
from mmengine.logging import MMLogger
from mmengine.registry import Registry

import aurora_mm.registry  # noqa: F401  adds the registries of aurora_mm to those of MMEngine

ALL_REGISTRIES = (
    mm.MODELS,
    mm.TASK_UTILS,
    mm.DATASETS,
    mm.TRANSFORMS,
    mm.DATA_SAMPLERS,
    mm.METRICS,
    mm.EVALUATOR,
    mm.HOOKS,
    mm.FUNCTIONS,
    mm.OPTIM_WRAPPERS,
    mm.OPTIMIZERS,
    mm.OPTIM_WRAPPER_CONSTRUCTORS,
    mm.PARAM_SCHEDULERS,
    mm.LOOPS,
    mm.LOG_PROCESSORS,
    mm.VISUALIZERS,
    mm.VISBACKENDS,
    mm.MODEL_WRAPPERS,
    mm.WEIGHT_INITIALIZERS,
    mm.STRATEGIES,
    mm.RUNNERS,
)
# Registries for the config dicts among the arguments of a component, by the registry of the component. Importing the
# modules of a registry may take seconds, so the most likely registries are first.
_WITHIN: dict[Registry, tuple[Registry, ...]] = {
    mm.MODELS: (mm.MODELS, mm.TASK_UTILS, mm.WEIGHT_INITIALIZERS),
    mm.TASK_UTILS: (mm.TASK_UTILS, mm.MODELS),
    mm.DATASETS: (mm.TRANSFORMS, mm.DATASETS),
    mm.TRANSFORMS: (mm.TRANSFORMS,),
    mm.EVALUATOR: (mm.METRICS,),
    mm.VISUALIZERS: (mm.VISBACKENDS,),
}
_HOSTS = ('mmdet', 'mmseg')


class Found(NamedTuple):
    """A registered component, and the root registry of MMEngine that it belongs to."""

    component: Callable[..., Any]
    registry: Registry


def registries_within(registry: Registry, everywhere: bool) -> tuple[Registry, ...]:
    """Return the registries in which the types of a component's arguments are looked up.

    Args:
        registry: Registry of the component.
        everywhere: Whether to add all other registries.
    """
    likely = _WITHIN.get(registry, ())
    others = tuple(other for other in ALL_REGISTRIES if other not in likely)
    return likely + others if everywhere or not likely else likely


def look_up(kind: Any, registries: Sequence[Registry], scopes: Iterable[str]) -> Found | None:
    """Find the component of a ``type``.

    Args:
        kind: A name with or without a scope, such as ``mmdet.FCOSHead``; or the class or function itself.
        registries: Root registries of MMEngine, in the order in which they are searched.
        scopes: Scopes in which a name without a scope is looked up.

    Returns:
        The first component that is found; None if there is none.
    """
    if not isinstance(kind, str):
        return Found(kind, registries[0]) if callable(kind) else None
    MMLogger.get_current_instance()  # made now: one that is made below would write to what is thrown away, for ever
    for scope in scopes:
        for registry in registries:
            try:
                with contextlib.redirect_stdout(io.StringIO()):  # mmdet and mmseg print when they are imported
                    component = registry.children.get(scope, registry).get(kind)
            except RuntimeError:  # raised by `get` for a name that it cannot import
                continue
            if callable(component):  # `get` may return a module that it imported
                return Found(component, registry)
    return None


def near_types(kind: str, registries: Sequence[Registry], scope: str) -> list[str]:
    """Find registered names that are similar to an unknown one. The same name in another package comes first.

    Args:
        kind: The unknown name.
        registries: Root registries of MMEngine in which it should be.
        scope: Scope of names without a scope.
    """
    prefix, dot, _ = kind.rpartition('.')
    names: set[str] = set()
    for registry in registries:
        if dot:
            child = registry.children.get(prefix)
            names |= {f'{prefix}.{name}' for name in child.module_dict} if child is not None else set()
        else:
            names |= registry.module_dict.keys() | registry.children.get(scope, registry).module_dict.keys()
    elsewhere = []
    if not dot:
        elsewhere = [f'{host}.{kind}' for host in _HOSTS if look_up(f'{host}.{kind}', registries, [scope]) is not None]
    return elsewhere + near_names(kind, names)


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Return up to two known names that are most similar to an unknown one, the most similar first."""
    near = difflib.get_close_matches(name, sorted(known), n=2)
    likeness = [difflib.SequenceMatcher(None, name, other).ratio() for other in near]
    return [other for other, value in zip(near, likeness, strict=True) if value > likeness[0] - 0.1]
