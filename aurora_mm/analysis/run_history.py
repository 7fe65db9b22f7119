"""The logged scalars of a training run over time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from aurora_mm.analysis.run_files import read_run_tasks, read_scalars, scalar_files
from aurora_mm.errors import DataError
from aurora_mm.tasks import TaskTable

Series = dict[int, float]


@dataclass
class RunHistory:
    """The scalars of one run, over all of its resumptions.

    Args:
        name: Name of the run.
        tasks: Task table of the run.
        series: Value of each logged key by training step, sorted by step. Validation scores are stored at the step
            after which they were computed.
    """

    name: str
    tasks: TaskTable
    series: dict[str, Series] = field(default_factory=dict)

    def of(self, prefix: str) -> dict[str, Series]:
        """Return the series whose keys begin with ``prefix``, by the rest of the key."""
        return {key.removeprefix(prefix): values for key, values in self.series.items() if key.startswith(prefix)}

    @property
    def best_step(self) -> int | None:
        """The step with the highest ``score``; None before the first validation."""
        scores = self.series.get('score', {})
        return max(scores, key=scores.__getitem__, default=None)


def read_run(work_dir: str | Path, name: str | None = None) -> RunHistory:
    """Read the files that MMEngine's ``LocalVisBackend`` wrote below a work dir.

    Args:
        work_dir: Work dir of a training run.
        name: Name of the run; that of the folder by default.

    Raises:
        DataError: If there are no scalars, or a file of the run is broken. See
            :func:`aurora_mm.analysis.run_files.read_scalars` for the last line of a killed run.
    """
    work_dir = Path(work_dir)
    files = scalar_files(work_dir)
    train: list[dict[str, float]] = []
    scores: list[dict[str, float]] = []
    steps_an_epoch: list[float] = []
    for file in files:
        step = None
        for entry in read_scalars(file):
            if 'score' not in entry:
                step = entry['step']
                train.append(entry)
                continue
            scores.append(entry)  # logged by epoch
            if step is not None and entry['step']:
                steps_an_epoch.append(step / entry['step'])
    if not train:
        raise DataError('no scalars: looked for */vis_data/scalars.json of a training run', file=work_dir)
    run = RunHistory(name or work_dir.name, read_run_tasks(files[-1]))
    # A run that was interrupted within an epoch logged more steps before the next validation, so the smallest is right.
    per_epoch = min(steps_an_epoch, default=1.0)
    for entry in train + [entry | dict(step=round(entry['step'] * per_epoch)) for entry in scores]:
        for key, value in entry.items():
            if key != 'step':
                run.series.setdefault(key, {})[int(entry['step'])] = value
    run.series = {key: dict(sorted(values.items())) for key, values in run.series.items()}
    return run
