"""The results of an ablation: a row for each config, from all runs that are finished."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from aurora_mm.analysis.report.training_log import TrainingLog
from aurora_mm.analysis.run_files import read_run_config, scalar_files
from aurora_mm.analysis.scores_file import read_scores
from aurora_mm.errors import DataError
from aurora_mm.tables import markdown_table
from aurora_mm.task_types import TASK_TYPES

OVERALL = ('task_mean', 'score')
SPEED = 'images_per_second'


@dataclass
class AblationRow:
    """The results of the finished runs of one config.

    Args:
        name: Name of the config.
        seeds: Seeds of the finished runs, ascending.
        values: One value for each seed by key: ``tasks/<task>`` (primary score), ``types/<type>``, ``task_mean``,
            ``score``, and ``images_per_second`` in training; None for a seed that has none, such as the speed of a run
            whose logs are gone.
    """

    name: str
    seeds: list[int] = field(default_factory=list)
    values: dict[str, list[float | None]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: str | Path) -> AblationRow:
        """Read ``seed_<S>/test/metrics.json`` and the training logs below the folder of a config.

        Args:
            folder: Folder of the config.

        Raises:
            DataError: If a file does not hold scores.
        """
        found_files = Path(folder).glob('seed_*/test/metrics.json')
        files = {seed: file for file in found_files if (seed := _seed(file)) is not None}
        figures = {seed: _figures(files[seed]) for seed in sorted(files)}
        keys = dict.fromkeys(key for found in figures.values() for key in found)
        values = {key: [found.get(key) for found in figures.values()] for key in keys}
        return cls(Path(folder).name, list(figures), values)

    def mean(self, key: str) -> float | None:
        """Return the mean over the seeds that have a value; None if none has."""
        known = self._known(key)
        return fmean(known) if known else None

    def deviation(self, key: str) -> float | None:
        """Return the sample standard deviation over the seeds that have a value; None for fewer than two."""
        known = self._known(key)
        return stdev(known) if len(known) > 1 else None

    def _known(self, key: str) -> list[float]:
        return [value for value in self.values.get(key, []) if value is not None]


def _figures(file: Path) -> dict[str, float]:
    """Return the figures of a run by key, from its ``metrics.json`` and its logs."""
    scores = read_scores(file)
    found: dict[str, float] = {f'tasks/{task}': metrics['primary'] for task, metrics in scores['tasks'].items()}
    found |= {f'types/{name}': value for name, value in scores['types'].items()}
    found |= {key: scores[key] for key in OVERALL}
    speed = training_speed(file.parents[1])
    return found if speed is None else found | {SPEED: speed}


def _seed(file: Path) -> int | None:
    """Return the seed in the name of a file's folder; None if it is not the folder of a run."""
    text = file.parents[1].name.removeprefix('seed_')
    return int(text) if text.isascii() and text.isdecimal() else None


def training_speed(work_dir: str | Path) -> float | None:
    """Return the number of images per second in training of one process, including waiting for data.

    It uses MMEngine's mean time of an iteration over the windows of the log.

    Args:
        work_dir: Work dir of the run.

    Returns:
        Images per second; None if there are no logs.

    Raises:
        DataError: If the batch size or the mean time is not a positive number.
    """
    times = TrainingLog.read(work_dir).training.get('time')
    if not times:
        return None
    last = scalar_files(work_dir)[-1]
    loader = read_run_config(last).get('train_dataloader')
    size = loader.get('batch_size') if isinstance(loader, dict) else None
    mean = fmean(times.values())
    if type(size) is not int or not 0 < mean < math.inf:
        raise DataError(f'no speed: batches of {size} images take {mean} s each', file=last.with_name('config.py'))
    return size / mean


def ablation_table(rows: Sequence[AblationRow]) -> str:
    """Format two Markdown tables with a row for each config: the means, and the primary scores of the tasks.

    Scores are in [0, 1], as mean ± sample standard deviation over the seeds. ``change`` is the difference of
    ``task_mean`` to the first row, if both are of the same tasks.
    """
    keys = _keys(rows)
    types, tasks = ([key for key in keys if key.startswith(f'{kind}/')] for kind in ('types', 'tasks'))
    heads = ['config', 'seeds', *_names(types), 'mean over tasks', 'change', 'score', 'images / s']
    means = [
        [
            row.name,
            str(len(row.seeds)),
            *(_cell(row, key) for key in (*types, 'task_mean')),
            '' if row is rows[0] else _signed(_change(row, rows[0])),
            _cell(row, 'score'),
            _cell(row, SPEED, 1),
        ]
        for row in rows
    ]
    of_tasks = [[row.name, *(_cell(row, key) for key in tasks)] for row in rows]
    return markdown_table(heads, means) + '\n' + markdown_table(['primary score', *_names(tasks)], of_tasks)


def ablation_json(rows: Sequence[AblationRow]) -> str:
    """Format all values of the tables, and those of each seed, as JSON text."""
    entries: list[dict[str, Any]] = []
    for row in rows:
        figures = {
            key: dict(mean=row.mean(key), std=row.deviation(key), values=row.values[key])
            for key in (*_keys(rows), SPEED)
            if key in row.values
        }
        entries.append(dict(config=row.name, seeds=row.seeds, change=_change(row, rows[0]), figures=figures))
    return json.dumps(entries, indent=2, allow_nan=False) + '\n'


def _keys(rows: Sequence[AblationRow]) -> list[str]:
    """Return the keys of all rows: types in their usual order, tasks in the order of the scores, then the means."""
    found = dict.fromkeys(key for row in rows for key in row.values)
    types = [f'types/{name}' for name in TASK_TYPES if f'types/{name}' in found]
    return [*types, *(key for key in found if key.startswith('tasks/')), *(key for key in OVERALL if key in found)]


def _change(row: AblationRow, first: AblationRow) -> float | None:
    mean, base = row.mean('task_mean'), first.mean('task_mean')
    if mean is None or base is None or _tasks(row) != _tasks(first):
        return None
    return mean - base


def _tasks(row: AblationRow) -> set[str]:
    return {key for key in row.values if key.startswith('tasks/')}


def _signed(change: float | None) -> str:
    return '-' if change is None else f'{change:+.3f}'


def _cell(row: AblationRow, key: str, digits: int = 3) -> str:
    mean, deviation = row.mean(key), row.deviation(key)
    if mean is None:
        return '-'
    return f'{mean:.{digits}f}' if deviation is None else f'{mean:.{digits}f} ± {deviation:.{digits}f}'


def _names(keys: Sequence[str]) -> list[str]:
    return [key.split('/', 1)[1] for key in keys]
