"""Training and testing of several configs with several seeds, as parallel processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from aurora_mm.apis import last_checkpoint
from aurora_mm.apis.config_files import find_config
from aurora_mm.errors import ConfigError
from aurora_mm.files import write_text

# Lines that aurora_mm.engine.ConsoleHook prints without a terminal.
_EPOCH = re.compile(r'^epoch +(\d+)/(\d+) +(\d+)/(\d+) .*?run (\S.*?) left', re.MULTILINE)
_STEPS = re.compile(r'^steps +(\d+)/(\d+) .*?run (\S.*?) left', re.MULTILINE)
_TRAINING = 0.95  # fraction of a run's time


@dataclass(frozen=True)
class AblationRun:
    """A run of one config with one seed.

    Args:
        config: File of the config.
        seed: MMEngine's ``randomness.seed``.
        out: Folder of the ablation.
        label: Name of the settings; by default that of the config.
        options: ``KEY=VALUE`` options of this run.
    """

    config: Path
    seed: int
    out: Path
    label: str = ''
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the run in messages."""
        return f'{self.label or self.config.stem}, seed {self.seed}'

    @property
    def folder(self) -> Path:
        """Work dir of the run."""
        return self.out / (self.label or self.config.stem) / f'seed_{self.seed}'

    @property
    def log(self) -> Path:
        """Console output of training and test, over all starts."""
        return self.folder / 'console.log'

    @property
    def trained(self) -> Path:
        """File that marks a finished training; it holds the name of the last checkpoint."""
        return self.folder / 'trained'

    @property
    def finished(self) -> bool:
        """Whether the run has been tested."""
        return (self.folder / 'test' / 'metrics.json').is_file()

    def progress(self) -> tuple[float, str]:
        """Return the fraction of the work that is done, in [0, 1], and the estimated training time left as text."""
        if self.finished:
            return 1.0, ''
        if self.trained.exists():
            return _TRAINING, 'test'
        text = self.log.read_text(errors='replace') if self.log.exists() else ''
        if by_steps := _STEPS.findall(text):
            done, total, left = by_steps[-1]
            return _TRAINING * int(done) / int(total), left
        if by_epoch := _EPOCH.findall(text):
            epoch, epochs, done, total, left = by_epoch[-1]
            return _TRAINING * (int(epoch) - 1 + int(done) / int(total)) / int(epochs), left
        return 0.0, ''


@dataclass
class Ablation:
    """Runs an ablation. Finished runs are skipped, interrupted runs are resumed.

    The checkpoint of the last epoch is tested. The best one on the test data would give an optimistic score.

    Args:
        data_root: Data root, as for ``aurora-mm train``; None keeps that of the configs.
        jobs: Number of parallel runs.
        threads: Number of threads of each run, without the workers of its data loader.
        options: ``KEY=VALUE`` options for all configs.
        tasks: Tasks, as for ``aurora-mm train``; None keeps those of the configs.
    """

    data_root: str | None = None
    jobs: int = 2
    threads: int = 1
    options: Sequence[str] = ()
    tasks: str | None = None
    _processes: dict[AblationRun, subprocess.Popen[bytes]] = field(default_factory=dict, init=False)

    def run(self, runs: Sequence[AblationRun]) -> list[AblationRun]:
        """Execute all runs in order.

        Args:
            runs: The runs.

        Returns:
            The runs that failed.
        """
        waiting = [run for run in runs if not run.finished]
        failed: list[AblationRun] = []
        columns = (
            TextColumn('{task.description}', markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn('{task.fields[left]}', markup=False),
        )
        pace = _Pace(runs)
        with Progress(*columns) as progress:
            everything = progress.add_task('all runs', total=len(runs), left='')
            progress.update(everything, completed=pace.at_first)
            bars = {}
            try:
                while waiting or self._processes:
                    while waiting and len(self._processes) < self.jobs:
                        run = waiting.pop(0)
                        self._start(run)
                        bars[run] = progress.add_task(run.name, total=1.0, left='')
                    time.sleep(1)
                    for run in list(self._processes):
                        share, left = run.progress()
                        progress.update(bars[run], completed=share, left=left)
                        if self._is_busy(run):
                            continue
                        progress.remove_task(bars.pop(run))
                        if run.finished:
                            progress.print(f'{run.name}: done; {pace.left(failed)}', markup=False)
                        else:
                            failed.append(run)
                            progress.print(f'{run.name}: failed, see {run.log}', markup=False, soft_wrap=True)
                    progress.update(everything, completed=pace.done(failed), left=pace.left(failed))
            finally:
                for process in self._processes.values():
                    process.terminate()
                    process.wait()
                self._processes.clear()
        return failed

    def _is_busy(self, run: AblationRun) -> bool:
        """Return whether a run continues. The test is started after a successful training."""
        status = self._processes[run].poll()
        if status is None:
            return True
        del self._processes[run]
        if status or run.trained.exists():
            return False
        last = last_checkpoint(run.folder)
        if last is None:
            return False
        write_text(run.trained, last.name)
        self._start(run)
        return True

    def _start(self, run: AblationRun) -> None:
        run.folder.mkdir(parents=True, exist_ok=True)
        options = [f'randomness.seed={run.seed}', *self.options, *run.options]
        if run.trained.exists():
            verb, args = 'test', [run.config, run.folder / run.trained.read_text(), '--out-dir', run.folder / 'test']
            args += ['--overlays', '0']
        else:
            verb, args = 'train', [run.config, '--work-dir', run.folder, '--resume']
            args += [] if self.tasks is None else ['--tasks', self.tasks]  # a test uses those of its checkpoint
            options.append('default_hooks.checkpoint.save_best=None')  # not what is tested
        args += [] if self.data_root is None else ['--data-root', self.data_root]
        command = [sys.executable, '-m', 'aurora_mm', *map(str, (verb, *args, '--cfg-options', *options))]
        env = os.environ | dict.fromkeys(('OMP_NUM_THREADS', 'MKL_NUM_THREADS'), str(self.threads))
        with run.log.open('a') as log:
            self._processes[run] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=env
            )


def plan_runs(configs: Sequence[str], seeds: Sequence[int], out: str | Path) -> list[AblationRun]:
    """Return the runs of an ablation: the first seed of all configs, then the second, and so on.

    Args:
        configs: Config files, or names of configs of the package; ``CONFIG:0,1,2`` gives the seeds of a config.
        seeds: Seeds of the other configs.
        out: Folder of the ablation.

    Raises:
        ConfigError: If a file does not exist, two have the same name, or seeds are not integers.
    """
    chosen: dict[Path, Sequence[int]] = {}
    for text in configs:
        name, colon, own = text.partition(':')
        config = find_config(name)
        if config.stem in {other.stem for other in chosen}:
            raise ConfigError(f'two configs are called {config.stem}: their runs would share a folder')
        try:
            own_seeds = [int(seed) for seed in own.split(',')] if colon else seeds
        except ValueError as error:
            raise ConfigError(f'{text}: seeds are whole numbers with commas between') from error
        chosen[config] = list(dict.fromkeys(own_seeds))
    rounds = range(max(map(len, chosen.values())))
    return [AblationRun(c, s[i], Path(out)) for i in rounds for c, s in chosen.items() if i < len(s)]


class _Pace:
    """Estimates the time left from the speed so far."""

    def __init__(self, runs: Sequence[AblationRun]) -> None:
        self.runs = runs
        self.begun = time.monotonic()
        self.at_first = self.done([])

    def done(self, failed: Sequence[AblationRun]) -> float:
        """Return the number of finished runs, including fractions of runs; failed runs count as finished."""
        return sum(1.0 if run in failed else run.progress()[0] for run in self.runs)

    def left(self, failed: Sequence[AblationRun]) -> str:
        done = self.done(failed)
        text = f'{sum(run.finished for run in self.runs)} of {len(self.runs)} done'
        worked = done - len(failed) - self.at_first
        if worked <= 0:
            return text
        seconds = (len(self.runs) - done) * (time.monotonic() - self.begun) / worked
        return f'{text}, {timedelta(seconds=round(seconds))} left'
