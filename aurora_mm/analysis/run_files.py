"""Reading of the files that MMEngine writes to the work dir of a training run."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from aurora_mm.checkpoints import read_config_text
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.tasks import TaskTable

_LAST_STEP = 2**53  # larger integers cannot all be represented as floats


def scalar_files(work_dir: str | Path) -> list[Path]:
    """Return the files of scalars of a run, one for each start, in the order of the starts."""
    return sorted(path for path in Path(work_dir).glob('*/vis_data/scalars.json') if path.is_file())


def read_scalars(file: str | Path) -> list[dict[str, float]]:
    """Read a ``scalars.json``, whose lines hold the numbers logged at one step.

    An interrupted run may leave half a line at the end. That line is left out with a warning.

    Args:
        file: File with a JSON object in each line.

    Returns:
        The numbers of each line by name, with ``step`` as an int. Values that are not numbers are left out.

    Raises:
        DataError: If the file cannot be read, or a line except an unfinished last one does not hold a step and numbers.
    """
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise DataError(f'cannot be read: {error.strerror}', file=file) from error
    lines = data.split(b'\n')
    entries = []
    for row, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entries.append(_numbers(json.loads(line)))
        except (ValueError, RecursionError) as error:
            if row == len(lines):  # the last line, without a line break
                text = f'{file}, row {row}: the last line is not finished and is left out; the run was killed there'
                print_log(text, logger='current', level=logging.WARNING)
                break
            raise DataError(f'no line of logged numbers: {error}', file=file, row=row) from error
    return entries


def _numbers(entry: Any) -> dict[str, float]:
    if not isinstance(entry, dict):
        raise ValueError(f'it holds a {type(entry).__name__}, not an object')
    step = entry.get('step')
    if type(step) is not int or not 0 <= step < _LAST_STEP:
        raise ValueError(f'its step is {str(step)[:50]}, which is no number of a step')
    try:
        numbers = {name: float(value) for name, value in entry.items() if type(value) in (int, float)}
    except OverflowError as error:
        raise ValueError(str(error)) from error
    return numbers | dict(step=step)


def read_run_config(scalars: str | Path) -> dict[str, Any]:
    """Read the config of the start that wrote a ``scalars.json``. No code in it is executed.

    Args:
        scalars: The file of scalars; MMEngine writes ``config.py`` to the same folder.

    Raises:
        DataError: If the config is missing, or contains anything but plain values.
    """
    file = Path(scalars).with_name('config.py')
    try:
        return read_config_text(file.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, ConfigError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f'no config of a run: {reason}', file=file) from error


def read_run_tasks(scalars: str | Path) -> TaskTable:
    """Read the tasks in the config of a ``scalars.json``; an empty table if there are none.

    Args:
        scalars: The file of scalars.

    Raises:
        DataError: If there is no such config, or its tasks are invalid.
    """
    tasks = read_run_config(scalars).get('tasks', [])
    try:
        if not isinstance(tasks, list):
            raise ConfigError(f'a {type(tasks).__name__} is no list of tasks')
        return TaskTable(tasks)
    except ConfigError as error:
        raise DataError(f'no config of a run: {error}', file=Path(scalars).with_name('config.py')) from error
