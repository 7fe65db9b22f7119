"""Find variables of a config file that have no effect."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

from aurora_mm.apis.config_check.known_keys import effective_keys
from aurora_mm.apis.config_source import inherited_files, parse_config
from aurora_mm.errors import ConfigError

_PACKAGES = ('aurora_mm', 'mmdet', 'mmseg', 'mmpretrain', 'mmcv', 'mmengine')  # they read no keys of their own


def check_variables(cfg: Config) -> None:
    """Check that the file of a config sets no variable in vain, such as ``lr``, or the ``train_pipeline`` of its base.

    A name that the file itself uses is in order. Its base files are not checked: their variables are for others to use.
    A file that imports code of the user's own may set names for that code, unless a base file has them too.

    Args:
        cfg: A config. Nothing is checked unless it was read from a Python file.

    Raises:
        ConfigError: If nothing reads a variable. The message names the file, the line and keys of the same name.
    """
    if not cfg.filename or Path(cfg.filename).suffix != '.py' or not Path(cfg.filename).is_file():
        return
    file, *bases = inherited_files(Path(cfg.filename))
    module, read = parse_config(file), effective_keys()
    used = {node.id for node in ast.walk(module) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    inherited = {name for base in bases if base.suffix == '.py' for name, _ in _assigned(parse_config(base))}
    for name, line in _assigned(module):
        if name not in cfg or name in used or name in read:
            continue
        if name in inherited or not _has_own_code(cfg):
            why = 'its value was copied from the base file to where it is used' if name in inherited else ''
            keys = [path for key in cfg if key in read for path in _paths(name, cfg[key], key)]
            hint = f'set {" or ".join(keys[:3])}' if keys else ''
            reasons = '; '.join(['nothing reads this variable', *filter(None, (why, hint))])
            raise ConfigError(f'{file}, line {line}: {name}: {reasons}')


def _assigned(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the names that a file sets at its top level, with their lines; names of its own (_name) are left out."""
    for statement in module.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
                if isinstance(target, ast.Name) and not target.id.startswith('_'):
                    yield target.id, statement.lineno


def _has_own_code(cfg: Config) -> bool:
    imports = cfg.get('custom_imports', {}).get('imports') or []
    modules = [imports] if isinstance(imports, str) else imports
    return any(module.partition('.')[0] not in _PACKAGES for module in modules)


def _paths(name: str, value: Any, path: str) -> Iterator[str]:
    """Yield the paths of the keys of a name within a value; for ``train_pipeline``, of a ``pipeline`` to train with."""
    kind, _, last = name.rpartition('_')
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, item in items:
        if key == name or (key == last == 'pipeline' and path.startswith(f'{kind}_')):
            yield f'{path}.{key}'
        yield from _paths(name, item, f'{path}.{key}')
