"""What a training run logged over time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

from aurora_mm.errors import DataError
from aurora_mm.tasks import TaskTable

Series = dict[int, float]


@dataclass
class RunHistory:
    """The scalars of one run, over all of its resumptions.

    Args:
        name: To tell it from others.
        tasks: Its task table.
        series: For each logged key, its value by training step, in order. Validation scores stand at the step that
            they were taken after.
    """

    name: str
    tasks: TaskTable
    series: dict[str, Series] = field(default_factory=dict)

    def of(self, prefix: str) -> dict[str, Series]:
        """The series whose keys begin with ``prefix``, by the rest of the key."""
        return {key.removeprefix(prefix): values for key, values in self.series.items() if key.startswith(prefix)}

    @property
    def best_step(self) -> int | None:
        """The step of the highest ``score``; None before the first validation."""
        scores = self.series.get('score', {})
        return max(scores, key=scores.__getitem__, default=None)


def read_run(work_dir: str | Path, name: str | None = None) -> RunHistory:
    """Reads what MMEngine's ``LocalVisBackend`` wrote below a work dir.

    Args:
        work_dir: Of a training run. name: The folder's by default.

    Raises:
        DataError: If there are no scalars, or a line is no JSON.
    """
    work_dir = Path(work_dir)
    files = sorted(work_dir.glob('*/vis_data/scalars.json'))  # a folder for each start, named by its time
    train: list[dict] = []
    scores: list[dict] = []
    steps_an_epoch: list[float] = []
    for file in files:
        step = None
        for row, line in enumerate(file.read_text().splitlines(), start=1):
            try:
                entry = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f'no JSON: {error}', file=file, row=row) from error
            if 'score' not in entry:
                step = entry['step']
                train.append(entry)
                continue
            scores.append(entry)  # logged by epoch
            if step is not None:
                steps_an_epoch.append(step / entry['step'])
    if not train:
        raise DataError('no scalars: looked for */vis_data/scalars.json of a training run', file=work_dir)
    cfg = Config.fromfile(files[-1].with_name('config.py'), import_custom_modules=False)
    run = RunHistory(name or work_dir.name, TaskTable(cfg.get('tasks', [])))
    # A run that was killed in an epoch has logged further than its next start's validation: the least is right.
    per_epoch = min(steps_an_epoch, default=1.0)
    for entry in train + [entry | dict(step=round(entry['step'] * per_epoch)) for entry in scores]:
        for key, value in entry.items():
            if isinstance(value, (int, float)) and key != 'step':
                run.series.setdefault(key, {})[entry['step']] = value
    run.series = {key: dict(sorted(values.items())) for key, values in run.series.items()}
    return run
