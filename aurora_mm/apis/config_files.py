"""Reads config files, with short error messages."""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.utils import import_modules_from_strings

from aurora_mm.apis.config_source import inherited_files, near_files
from aurora_mm.config_variables import SETTERS
from aurora_mm.errors import ConfigError
from aurora_mm.packaged_configs import PACKAGED_CONFIGS
from aurora_mm.tasks import TaskTable

_SUFFIXES = ('.py', '.json', '.yaml', '.yml')


def read_config(file: str | Path, options: Sequence[str] = ()) -> Config:
    """Read a config file, and check it without building anything.

    Args:
        file: Path of a config file, or of a config of the package, such as ``aurora_fmc_demo.py``.
        options: Overrides ``KEY=VALUE`` of keys that MMEngine or aurora_mm read, and of two variables: ``img_size=N``
            changes all pipelines, and ``data_root=DIR`` changes all FMC-UIA data sets.

    Raises:
        ConfigError: If the file or one of its ``_base_`` files cannot be read, an override is not valid, or there is
            an unknown type or argument. The message names the file, the key path and similar known names.
    """
    from aurora_mm.apis.config_check import check_config  # imports torch, which `read_tasks` does not need

    cfg = _read(find_config(file))
    if options:
        _override(cfg, options)
    check_config(cfg)
    return cfg


def read_tasks(file: str | Path) -> TaskTable:
    """Read the list ``tasks`` of a config file.

    Args:
        file: Path of a config file, or of a config of the package.

    Raises:
        ConfigError: If the file cannot be read, has no such list, or a task is not valid.
    """
    cfg = _read(find_config(file))
    if not isinstance(cfg.get('tasks'), list):
        raise ConfigError(f'{file} has no list `tasks`')
    return TaskTable(cfg.tasks)


def find_config(file: str | Path) -> Path:
    """Find a config file by its path, or else among the configs of the package.

    Args:
        file: Path of a config file, or relative to the folder of the package's configs.

    Raises:
        ConfigError: If there is no such file, or it is of another kind. The message names similar files.
    """
    file = Path(file).expanduser()
    names = file.parts[1:] if file.parts[:1] == ('configs',) else file.parts
    packaged = PACKAGED_CONFIGS.joinpath(*names)
    for path in (file, packaged):
        if path.is_file() and path.suffix not in _SUFFIXES:
            raise ConfigError(f'{file} is no config file: those end with {", ".join(_SUFFIXES)}')
        if path.is_file():
            return path
    raise ConfigError(f'no config at {file}{near_files(file) or near_files(packaged)}')


def _read(file: Path) -> Config:
    files = list(inherited_files(file))
    try:
        cfg = Config.fromfile(file, import_custom_modules=False)
    except Exception as error:  # a config is Python code, which may raise anything
        raise ConfigError(f'{_place(error, files) or file}: {_describe(error)}') from error
    try:
        import_modules_from_strings(**cfg.get('custom_imports', dict(imports=None)))
    except ImportError as error:
        cause = error.__context__ or error  # MMEngine's message does not contain the error of the module
        raise ConfigError(f'{file}: custom_imports.imports: {error}: {cause}') from error
    except TypeError as error:
        raise ConfigError(f'{file}: custom_imports: {error}') from error
    return cfg


def _place(error: BaseException, files: Sequence[Path]) -> str | None:
    """Return the config file and the line where an error was raised; None if it was raised elsewhere."""
    ours = {str(file.absolute()): file for file in files}
    calls = [(str(Path(call.filename).absolute()), call.lineno) for call in traceback.extract_tb(error.__traceback__)]
    at = [(ours[name], line) for name, line in calls if name in ours]
    return f'{at[-1][0]}, line {at[-1][1]}' if at else None


def _describe(error: Exception) -> str:
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return f'{type(error).__name__}: {text}'


_PLAIN_VALUES = (
    'a value is a number, a word, or a list of these; set each key of a dict by itself, as KEY.KEY_OF_DICT=VALUE'
)


def _override(cfg: Config, options: Sequence[str]) -> None:
    """Apply overrides ``KEY=VALUE``, which MMEngine's ``DictAction`` parses, to a config."""
    from aurora_mm.apis.config_check import effective_keys

    known = effective_keys()
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    set_by: dict[str, str] = {}
    for option in options:
        key, equals, _ = option.partition('=')
        if not equals or not key:
            raise ConfigError(f'--cfg-options {option}: an override is written KEY=VALUE')
        if '{' in option:  # MMEngine would make words of it
            raise ConfigError(f'--cfg-options {option}: {_PLAIN_VALUES}')
        for other, earlier in set_by.items():
            if key == other or key.startswith(f'{other}.') or other.startswith(f'{key}.'):
                raise ConfigError(f'--cfg-options {option}: {earlier} sets the same; leave one of the two out')
        set_by[key] = option
        top = key.partition('.')[0]
        if top not in known:
            raise ConfigError(f'--cfg-options {option}: {_unread(top, cfg, known)}')
        try:
            cfg.merge_from_dict(parser.parse_args(['--cfg-options', option]).cfg_options)
            if key in SETTERS:  # MMEngine only changes the variable itself
                SETTERS[key](cfg, cfg[key])
        except KeyError as error:
            raise ConfigError(f'--cfg-options {option}: there is no item of this number in the list') from error
        except RecursionError as error:  # MMEngine cannot parse a call
            raise ConfigError(f'--cfg-options {option}: {_PLAIN_VALUES}') from error
        except (AssertionError, TypeError) as error:  # unbalanced brackets, or a key of a value that is not a dict
            raise ConfigError(f'--cfg-options {option}: {error}') from error


def _unread(key: str, cfg: Config, known: set[str]) -> str:
    """Explain why a key cannot be overridden."""
    if key in cfg:
        return f'{key!r} is a variable of {cfg.filename}: its value was copied to where it is used'
    near = get_close_matches(key, sorted(known), n=2)
    return f'there is no key {key!r} in {cfg.filename}' + (f'; did you mean {" or ".join(near)}?' if near else '')
