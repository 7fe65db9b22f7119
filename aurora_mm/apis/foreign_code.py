"""Checks that the config of a checkpoint does not run unknown code.

MMEngine imports all modules in ``custom_imports``, and builds ``dict(type='os.system', command=...)`` like any other
config dict. A config on the command line is code that the user chose. A config in a checkpoint is not: it may only use
classes and functions that OpenMMLab's packages and this one registered, and modules that are already imported.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from mmengine import registry as mm
from mmengine.registry import Registry
from mmengine.utils import get_object_from_string

from aurora_mm.errors import ConfigError
from aurora_mm.trust import HOW_TO, is_trusted

PACKAGES = ('aurora_mm', 'mmdet', 'mmseg', 'mmcv', 'mmengine')
_AT_THE_ROOT = ('mmengine', 'mmcv')  # packages without registries of their own
_ROOTS = [value for value in vars(mm).values() if isinstance(value, Registry)]


def import_custom_modules(custom_imports: Any) -> None:
    """Import the modules in ``custom_imports`` of a config.

    Args:
        custom_imports: Value of that key, or None.

    Raises:
        ConfigError: If the value is not valid, a module cannot be imported, or a module belongs to another package, was
            not imported before, and the user does not trust checkpoints.
    """
    if not custom_imports:
        return
    imports = custom_imports.get('imports', []) if isinstance(custom_imports, Mapping) else None
    names = [imports] if isinstance(imports, str) else imports
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f'custom_imports={custom_imports!r} is no list of modules')
    for name in names:
        if name in sys.modules:
            continue
        if name.partition('.')[0] not in PACKAGES and not is_trusted():
            raise ConfigError(f'it imports the module {name!r}, which runs that code; {HOW_TO}')
        try:
            importlib.import_module(name)
        except ImportError as error:
            if not custom_imports.get('allow_failed_imports', False):
                raise ConfigError(f'it imports the module {name!r}, which cannot be imported ({error})') from error


def refuse_foreign_parts(values: Any) -> None:
    """Check that a config only uses types that packages of OpenMMLab or this one registered.

    Nothing is checked if the user trusts checkpoints.

    Args:
        values: A config or a section of it, as plain values.

    Raises:
        ConfigError: If there is another type. The message names it.
    """
    if is_trusted():
        return
    for key, name in _names(values):
        scope, _, rest = name.partition('.')
        if key == '_scope_':
            known = name in PACKAGES
        elif '.' in name:
            known = scope in PACKAGES and _is_registered(scope, rest, name)
        else:
            # MMEngine would import a module of that name. Other unknown names may be options of a class.
            known = _is_registered('aurora_mm', name) or _is_registered('mmengine', name) or not _is_module(name)
        if not known:
            raise ConfigError(f'it names {name!r}, which is no part that {", ".join(PACKAGES)} registered; {HOW_TO}')


def _names(values: Any) -> Iterator[tuple[str, str]]:
    if isinstance(values, Mapping):
        for key, value in values.items():
            if key in ('type', '_scope_') and isinstance(value, str):
                yield key, value
            else:
                yield from _names(value)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _names(value)


def _is_registered(scope: str, name: str, path: str | None = None) -> bool:
    """Return whether a package registered a component, by its name or, with ``path``, by its dotted path."""
    registries = _ROOTS
    if scope not in _AT_THE_ROOT:
        try:
            importlib.import_module(f'{scope}.registry')
        except ImportError as error:
            raise ConfigError(f'it needs the package {scope}, which cannot be imported ({error})') from error
        registries = [root.children[scope] for root in _ROOTS if scope in root.children]
    for registry in registries:
        registry.import_from_location()
        if name in registry.module_dict:
            return True
    if path is None or '.' not in name:
        return False
    found = get_object_from_string(path)
    return found is not None and any(
        found is known for registry in registries for known in registry.module_dict.values()
    )


def _is_module(name: str) -> bool:
    return name in sys.modules or (name.isidentifier() and find_spec(name) is not None)
