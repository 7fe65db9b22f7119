"""Looks up the ``type`` of a config in MMEngine's registries, and names that are near to a wrong one."""

from __future__ import annotations

import contextlib
import difflib
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from mmengine import registry as mm
from mmengine.registry import Registry

import aurora_mm.registry  # noqa: F401  adds the registries of aurora_mm to the tree

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
# What the parts within a part are built from, by the registry of the part. A package's registries are filled when they
# are first asked, which may take seconds: so those come first that are likely to know the answer.
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
    """What a ``type`` stands for, and MMEngine's registry in whose tree it is."""

    component: Callable[..., Any]
    registry: Registry


def registries_within(registry: Registry, everywhere: bool) -> tuple[Registry, ...]:
    """Where the types of the parts within a part are looked for.

    Args:
        registry: Of the part.
        everywhere: Whether to look in all other registries as well.
    """
    likely = _WITHIN.get(registry, ())
    others = tuple(other for other in ALL_REGISTRIES if other not in likely)
    return likely + others if everywhere or not likely else likely


def look_up(kind: Any, registries: Sequence[Registry], scopes: Iterable[str]) -> Found | None:
    """What a ``type`` stands for.

    Args:
        kind: A name, with or without a scope (``mmdet.FCOSHead``), or the class or function itself.
        registries: MMEngine's own, where to look; the first that has it counts.
        scopes: In which a name without a scope may stand.

    Returns:
        None if no registry has it.
    """
    if not isinstance(kind, str):
        return Found(kind, registries[0]) if callable(kind) else None
    for scope in scopes:
        for registry in registries:
            try:
                with contextlib.redirect_stdout(io.StringIO()):  # of what mmdet and mmseg print when they are imported
                    component = registry.children.get(scope, registry).get(kind)
            except RuntimeError:  # what `get` raises of a name that it cannot import either
                continue
            if callable(component):  # `get` imports what it does not find: a module is no component
                return Found(component, registry)
    return None


def near_types(kind: str, registries: Sequence[Registry], scope: str) -> list[str]:
    """Registered names that are near to an unknown one; the same name in another package first.

    Args:
        kind: The unknown name.
        registries: MMEngine's own, where it should stand.
        scope: In which names are looked up that have none.
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
    """Up to two known names that are about as near to an unknown one as any, the nearest first."""
    near = difflib.get_close_matches(name, sorted(known), n=2)
    likeness = [difflib.SequenceMatcher(None, name, other).ratio() for other in near]
    return [other for other, value in zip(near, likeness, strict=True) if value > likeness[0] - 0.1]
