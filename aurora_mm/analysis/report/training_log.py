"""What a training run logged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from aurora_mm.analysis.run_files import read_scalars, scalar_files

Series = tuple[list[float], list[float]]  # steps and values


@dataclass(frozen=True)
class TrainingLog:
    """Scalars by step: of training by iteration, of validation by epoch.

    Args:
        training: Values by name, each by iteration. validation: The same by epoch.
    """

    training: dict[str, dict[int, float]] = field(default_factory=dict)
    validation: dict[str, dict[int, float]] = field(default_factory=dict)

    @classmethod
    def read(cls, work_dir: str | Path) -> TrainingLog:
        """Reads every ``<start time>/vis_data/scalars.json`` of a work dir; where a resumed run repeats a step, the
        later run counts. A folder without any gives an empty log.

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
        """Steps and values of a scalar in the order of steps, of training or else of validation."""
        values = self.training.get(name) or self.validation.get(name) or {}
        steps = sorted(values)
        return [float(step) for step in steps], [values[step] for step in steps]

    def by_task(self, kind: str, tasks: Iterable[str]) -> dict[str, Series]:
        """The series ``<kind>/<task>`` of those tasks that have one."""
        return {task: self.series(f'{kind}/{task}') for task in tasks if f'{kind}/{task}' in self.training}
