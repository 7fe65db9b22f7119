"""The text of config files: which files a config inherits from, and where in them something stands."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from pathlib import Path

from aurora_mm.errors import ConfigError


def inherited_files(file: Path) -> Iterator[Path]:
    """A config file and all files that it inherits from, directly or through others.

    Bases of other packages (``mmdet::...``), and those whose names are computed, are left out.

    Args:
        file: A config.

    Raises:
        ConfigError: If one of them is not there or is not Python, naming file and line.
    """
    yield file
    if file.suffix != '.py':
        return
    for statement in _parse(file).body:
        if not (isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == '_base_'):
            continue
        try:
            bases = ast.literal_eval(statement.value)
        except ValueError:
            continue
        for name in [bases] if isinstance(bases, str) else bases:
            if '::' in name:
                continue
            base = file.parent / name
            if not base.is_file():
                missing = f'`_base_` names {name}, and there is no such file'
                raise ConfigError(f'{file}, line {statement.lineno}: {missing}{near_files(base)}')
            yield from inherited_files(base)


def place_of(file: Path, name: str) -> str:
    """Where a name stands, as a key or a value, in a config and the files that it inherits from.

    Args:
        file: A config.
        name: Of an argument, or a text.

    Returns:
        File and line if it stands at one place alone; else the config's file.
    """
    found = [f'{part}, line {line}' for part in dict.fromkeys(inherited_files(file)) for line in _lines_of(part, name)]
    return found[0] if len(found) == 1 else str(file)


def near_files(file: Path) -> str:
    """A hint at files in the same folder with names near to that of a missing one; '' if there is none."""
    names = [path.name for path in file.parent.glob('*') if path.is_file()]
    near = [str(file.with_name(name)) for name in difflib.get_close_matches(file.name, names, n=2)]
    return f'; did you mean {" or ".join(near)}?' if near else ''


def _parse(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding='utf-8'))
    except SyntaxError as error:
        line = f': {error.text.strip()}' if error.text else ''
        raise ConfigError(f'{file}, line {error.lineno}: {error.msg}{line}') from error
    except UnicodeDecodeError as error:
        raise ConfigError(f'{file}: not text in UTF-8 ({error})') from error


def _lines_of(file: Path, name: str) -> Iterator[int]:
    if file.suffix != '.py':
        return
    for node in ast.walk(_parse(file)):
        match node:
            case ast.keyword(arg=text) | ast.Constant(value=text) | ast.Name(id=text, ctx=ast.Store()):
                if text == name:
                    yield node.lineno
