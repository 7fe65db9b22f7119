"""The log of a training run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from aurora_mm.analysis.run_files import read_scalars, scalar_files

Series = tuple[list[float], list[float]]  # steps and values


@dataclass(frozen=True)
class TrainingLog:
    """The logged scalars of a run.

    Args:
        training: Values of training by name, then by iteration.
        validation: Values of validation by name, then by epoch.
    """

    training: dict[str, dict[int, float]] = field(default_factory=dict)
    validation: dict[str, dict[int, float]] = field(default_factory=dict)

    @classmethod
    def read(cls, work_dir: str | Path) -> TrainingLog:
        """Read every ``<start time>/vis_data/scalars.json`` of a work dir.

        If a resumed run repeats a step, the value of the later run is used. A folder without such files gives an empty
        log.

        Args:
            work_dir: Work dir of the run.

        Raises:
            DataError: If one of the files is broken.
        """
        log = cls()
        for file in scalar_files(work_dir):
            entries = read_scalars(file)
            if not any('loss' in entry for entry in entries):
                continue  # a test run's
            for entry in entries:
                target = log.validation if 'score' in entry else log.training
                for name, value in entry.items():
                    if name not in ('step', 'iter', 'epoch'):
                        target.setdefault(name, {})[int(entry['step'])] = value
        return log

    def series(self, name: str) -> Series:
        """Return the steps and values of a scalar of training or else validation, sorted by step."""
        values = self.training.get(name) or self.validation.get(name) or {}
        steps = sorted(values)
        return [float(step) for step in steps], [values[step] for step in steps]

    def by_task(self, kind: str, tasks: Iterable[str]) -> dict[str, Series]:
        """Return the steps and values of ``<kind>/<task>`` for the tasks that have them."""
        return {task: self.series(f'{kind}/{task}') for task in tasks if f'{kind}/{task}' in self.training}
