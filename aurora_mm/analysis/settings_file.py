"""What several runs of one folder have in common, kept beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aurora_mm.errors import ConfigError
from aurora_mm.files import write_text
from aurora_mm.json_files import read_json

SETTINGS_FILE = 'settings.json'
_BEGUN = ('last_checkpoint', 'metrics.json', 'search.json')


def keep_settings(out: str | Path, settings: Mapping[str, Any], begun: bool = False) -> None:
    """Write the settings of the runs of a folder, or compare them with those of the runs that are there already.

    Runs that go on with other data or options than they began with, or that stand beside such runs in one table, would
    give scores that cannot be compared. The settings of a folder in which no run has come to a checkpoint are replaced.

    Args:
        out: Folder of the runs.
        settings: Values that JSON can hold, by the option or argument that they come from.
        begun: Whether results depend on the settings although no run has come to a checkpoint.

    Raises:
        ConfigError: If the runs were made with other settings. The message names the settings with both values.
        DataError: If the file of settings is damaged.
    """
    file = Path(out) / SETTINGS_FILE
    if file.exists() and (begun or any(next(file.parent.rglob(name), None) for name in _BEGUN)):
        before = read_json(file)
        for name, value in settings.items():
            if before.get(name) != value:
                raise ConfigError(
                    f'{out} holds runs with {name} {_text(before.get(name))}, not {_text(value)}, and scores of both '
                    'cannot be compared; give the same arguments, or another folder'
                )
    else:
        write_text(file, json.dumps(settings, indent=2) + '\n')


def absolute(path: str | Path | None) -> str | None:
    """Return a path as it is called from any folder; a URL or None stays as it is."""
    return None if path is None else str(path) if '://' in str(path) else str(Path(path).expanduser().resolve())


def _text(value: Any) -> str:
    words = value if isinstance(value, list) else [] if value is None else [value]
    return ' '.join(map(str, words)) or '(none)'
