"""Finds the base files of a config, and the lines of keys and values in them."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from pathlib import Path

from aurora_mm.errors import ConfigError
from aurora_mm.packaged_configs import PACKAGED_CONFIGS

_OWN = 'aurora_mm'


def parse_config(file: Path) -> ast.Module:
    """Parse a config file.

    Args:
        file: Path of a Python file.

    Raises:
        ConfigError: If it is not valid Python. The message names the file and the line.
    """
    try:
        return ast.parse(file.read_text(encoding='utf-8'))
    except SyntaxError as error:
        line = f': {error.text.strip()}' if error.text else ''
        raise ConfigError(f'{file}, line {error.lineno}: {error.msg}{line}') from error
    except UnicodeDecodeError as error:
        raise ConfigError(f'{file}: not text in UTF-8 ({error})') from error


def inherited_files(file: Path) -> Iterator[Path]:
    """Yield a config file and all of its base files, recursively.

    Base files of other packages (``mmdet::...``) are left out, and those whose names are computed.

    Args:
        file: Path of a config file.

    Raises:
        ConfigError: If a base file does not exist or is not valid Python. The message names the file and the line.
    """
    yield file
    if file.suffix != '.py':
        return
    for statement in parse_config(file).body:
        if not (isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == '_base_'):
            continue
        try:
            bases = ast.literal_eval(statement.value)
        except ValueError:
            continue
        for name in [bases] if isinstance(bases, str) else bases:
            package, _, path = name.rpartition('::')
            if package not in ('', _OWN):
                continue
            base = file.parent / name if not package else PACKAGED_CONFIGS / path
            if not base.is_file() or (package and '/' not in path):
                missing = f'`_base_` names {name}, and there is no such file'
                raise ConfigError(f'{file}, line {statement.lineno}: {missing}{_packaged(path) or near_files(base)}')
            if not package:
                yield from inherited_files(base)


def place_of(file: Path, name: str) -> str:
    """Find the line of a key or a text value in a config file and its base files.

    Args:
        file: Path of a config file.
        name: The key or the value.

    Returns:
        File and line if there is exactly one such line, else the path of the config file.
    """
    found = [f'{path}, line {line}' for path in dict.fromkeys(inherited_files(file)) for line in _lines_of(path, name)]
    return found[0] if len(found) == 1 else str(file)


def near_files(file: Path) -> str:
    """Return a hint at files with similar names in the folder of a missing file; '' if there are none."""
    names = [path.name for path in file.parent.glob('*') if path.is_file()]
    near = [str(file.with_name(name)) for name in difflib.get_close_matches(file.name, names, n=2)]
    return f'; did you mean {" or ".join(near)}?' if near else ''


def _packaged(path: str) -> str:
    """Return a hint at how a config of this package is named in `_base_`; '' if a path does not end with one."""
    parts = [part for part in Path(path).parts if part not in ('..', '/')]
    for start in range(len(parts)):
        name = '/'.join(parts[start:])
        if (PACKAGED_CONFIGS / name).is_file():
            # MMEngine wants a folder in what follows the colons, so aurora_X.py is aurora/X.py as well.
            name = name if '/' in name else name.replace('aurora_', 'aurora/', 1)
            return f'; that of this package is called {_OWN}::{name}'
    return ''


def _lines_of(file: Path, name: str) -> Iterator[int]:
    if file.suffix != '.py':
        return
    for node in ast.walk(parse_config(file)):
        match node:
            case ast.keyword(arg=text) | ast.Constant(value=text) | ast.Name(id=text, ctx=ast.Store()):
                if text == name:
                    yield node.lineno
