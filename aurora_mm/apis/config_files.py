"""Reads config files, and says in one sentence what is wrong with one."""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.utils import import_modules_from_strings

import aurora_mm
from aurora_mm.apis.config_source import inherited_files, near_files
from aurora_mm.config_variables import set_data_root, set_image_size
from aurora_mm.errors import ConfigError
from aurora_mm.tasks import TaskTable

# Variables of a config that may be overridden, with what makes the parts of the config follow.
_SETTERS: dict[str, Callable[[Config, Any], Config]] = {'img_size': set_image_size, 'data_root': set_data_root}
PACKAGED_CONFIGS = Path(aurora_mm.__file__).parent / '.mim' / 'configs'
"""The configs that come with the package."""


def read_config(file: str | Path, options: Sequence[str] = ()) -> Config:
    """A config, checked as far as it can be without building anything.

    Args:
        file: A config file; or the path of one that comes with the package, such as ``aurora_fmc_demo.py``.
        options: Overrides, as ``KEY=VALUE``, of keys that MMEngine or aurora_mm reads; and of two variables:
            ``img_size=N`` reaches every pipeline, ``data_root=DIR`` every data set of the challenge's layout.

    Raises:
        ConfigError: If there is no such file, it or a file that its ``_base_`` names cannot be read, an override is
            wrong, or a part has an unknown type or argument; naming file, key path and the nearest known names.
    """
    from aurora_mm.apis.config_check import check_config  # imports torch, which `read_tasks` does not need

    cfg = _read(find_config(file))
    if options:
        _override(cfg, options)
    check_config(cfg)
    return cfg


def read_tasks(file: str | Path) -> TaskTable:
    """The tasks that a config file lists as ``tasks``.

    Raises:
        ConfigError: If the file cannot be read, or there is no such list in it.
    """
    cfg = _read(find_config(file))
    if not isinstance(cfg.get('tasks'), list):
        raise ConfigError(f'{file} has no list `tasks`')
    return TaskTable(cfg.tasks)


def find_config(file: str | Path) -> Path:
    """The config file at a path, or else the one of that path among the configs that come with the package.

    Raises:
        ConfigError: If there is no such file, naming those nearest to it.
    """
    file = Path(file).expanduser()
    parts = file.parts[1:] if file.parts[:1] == ('configs',) else file.parts
    packaged = PACKAGED_CONFIGS.joinpath(*parts)
    for path in (file, packaged):
        if path.is_file():
            return path
    raise ConfigError(f'no config at {file}{near_files(file) or near_files(packaged)}')


def _read(file: Path) -> Config:
    files = list(inherited_files(file))
    try:
        cfg = Config.fromfile(file, import_custom_modules=False)
    except Exception as error:  # a config is a program: it may raise anything
        raise ConfigError(f'{_place(error, files) or file}: {_describe(error)}') from error
    try:
        import_modules_from_strings(**cfg.get('custom_imports', dict(imports=None)))
    except ImportError as error:
        cause = error.__context__ or error  # MMEngine's own message does not say what went wrong in the module
        raise ConfigError(f'{file}: custom_imports.imports: {error}: {cause}') from error
    except TypeError as error:
        raise ConfigError(f'{file}: custom_imports: {error}') from error
    return cfg


def _place(error: BaseException, files: Sequence[Path]) -> str | None:
    """File and line of a config where an error was raised; None if it was raised elsewhere."""
    ours = {str(file.absolute()): file for file in files}
    frames = [(str(Path(frame.filename).absolute()), frame) for frame in traceback.extract_tb(error.__traceback__)]
    at = [(ours[name], frame.lineno) for name, frame in frames if name in ours]
    return f'{at[-1][0]}, line {at[-1][1]}' if at else None


def _describe(error: Exception) -> str:
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return f'{type(error).__name__}: {text}'


def _override(cfg: Config, options: Sequence[str]) -> None:
    """Sets ``KEY=VALUE`` in a config, as MMEngine's ``DictAction`` reads it."""
    from aurora_mm.apis.config_check import known_keys

    known = known_keys() | _SETTERS.keys()
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    for option in options:
        key, equals, _ = option.partition('=')
        if not equals or not key:
            raise ConfigError(f'--cfg-options {option}: an override is written KEY=VALUE')
        top = key.partition('.')[0]
        if top not in known:
            raise ConfigError(f'--cfg-options {option}: {_unread(top, cfg, known)}')
        try:
            cfg.merge_from_dict(parser.parse_args(['--cfg-options', option]).cfg_options)
            if key in _SETTERS:  # MMEngine changes the variable and nothing that was made from it
                _SETTERS[key](cfg, cfg[key])
        except KeyError as error:
            raise ConfigError(f'--cfg-options {option}: there is no item of this number in the list') from error
        except (AssertionError, TypeError) as error:  # of brackets, or of a key below a plain value
            raise ConfigError(f'--cfg-options {option}: {error}') from error


def _unread(key: str, cfg: Config, known: set[str]) -> str:
    """Why a key cannot be overridden that neither MMEngine nor aurora_mm reads."""
    if key in cfg:
        return f'{key!r} is a variable of {cfg.filename}: its value was copied to where it is used'
    near = get_close_matches(key, sorted(known), n=2)
    return f'there is no key {key!r} in {cfg.filename}' + (f'; did you mean {" or ".join(near)}?' if near else '')
