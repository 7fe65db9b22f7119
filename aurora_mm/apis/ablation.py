"""Trains and tests several configs with several seeds, as processes side by side."""

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
from typing import TextIO

from mmengine.config import Config
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from aurora_mm.errors import ConfigError

_EPOCH = re.compile(r'Epoch\(train\)\s+\[(\d+)\]\[\s*(\d+)/(\d+)\].*?eta: (\d[\d:, day]*)')
_ITER = re.compile(r'Iter\(train\)\s+\[\s*(\d+)/(\d+)\].*?eta: (\d[\d:, day]*)')
_TRAINING = 0.95  # of a run's time


@dataclass
class AblationRun:
    """One config with one seed.

    Args:
        config: File. seed: MMEngine's ``randomness.seed``. out: Folder of the ablation.
    """

    config: Path
    seed: int
    out: Path
    _epochs: int | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """For people."""
        return f'{self.config.stem}, seed {self.seed}'

    @property
    def folder(self) -> Path:
        """The work dir."""
        return self.out / self.config.stem / f'seed_{self.seed}'

    @property
    def log(self) -> Path:
        """What training and test wrote to the console, over all starts."""
        return self.folder / 'console.log'

    @property
    def trained(self) -> Path:
        """A file that stands for a finished training; it holds the name of the last epoch's checkpoint."""
        return self.folder / 'trained'

    @property
    def finished(self) -> bool:
        """Whether the scores are there."""
        return (self.folder / 'test' / 'metrics.json').is_file()

    def progress(self) -> tuple[float, str]:
        """Share of the work that is done, in [0, 1], and MMEngine's estimate of the training time left."""
        if self.finished:
            return 1.0, ''
        if self.trained.exists():
            return _TRAINING, 'test'
        text = self.log.read_text(errors='replace') if self.log.exists() else ''
        if by_iter := _ITER.findall(text):
            done, total, left = by_iter[-1]
            return _TRAINING * int(done) / int(total), left.strip()
        configs = sorted(self.folder.glob('*/vis_data/config.py'))
        if configs and (by_epoch := _EPOCH.findall(text)):
            epoch, done, total, left = by_epoch[-1]
            if self._epochs is None:  # it takes a while to read
                self._epochs = int(Config.fromfile(configs[-1], import_custom_modules=False).train_cfg.max_epochs)
            return _TRAINING * (int(epoch) - 1 + int(done) / int(total)) / self._epochs, left.strip()
        return 0.0, ''


@dataclass
class Ablation:
    """How the runs are made. A finished run is left as it is, one that was stopped goes on where it was.

    The last epoch's checkpoint is tested: to pick the best on the data that it is scored on would flatter it.

    Args:
        tools: Folder of ``train.py`` and ``test.py``.
        data_root: As theirs; None keeps the configs'.
        jobs: Runs side by side. threads: Of each, beside its data loader's workers.
        options: ``KEY=VALUE``, over all configs.
    """

    tools: Path
    data_root: str | None = None
    jobs: int = 2
    threads: int = 1
    options: Sequence[str] = ()
    _processes: dict[str, tuple[AblationRun, subprocess.Popen, TextIO]] = field(default_factory=dict, init=False)

    def run(self, runs: Sequence[AblationRun]) -> list[AblationRun]:
        """Makes all runs, the first ones first; those that failed."""
        waiting = [run for run in runs if not run.finished]
        failed: list[AblationRun] = []
        columns = (
            TextColumn('{task.description}'),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn('{task.fields[left]}'),
        )
        with Progress(*columns) as progress:
            total = progress.add_task('all runs', total=len(runs), left='')
            bars: dict[str, TaskID] = {}
            begun, at_first = time.monotonic(), sum(run.progress()[0] for run in runs)
            try:
                while waiting or self._processes:
                    while waiting and len(self._processes) < self.jobs:
                        run = waiting.pop(0)
                        self._start(run, self._test(run) if run.trained.exists() else self._train(run))
                        bars[run.name] = progress.add_task(run.name, total=1.0, left='')
                    time.sleep(1)
                    for name, (run, process, log) in list(self._processes.items()):
                        share, left = run.progress()
                        progress.update(bars[name], completed=share, left=left)
                        if process.poll() is None:
                            continue
                        log.close()
                        del self._processes[name]
                        if process.returncode == 0 and not run.trained.exists():
                            run.trained.write_text(Path((run.folder / 'last_checkpoint').read_text().strip()).name)
                            self._start(run, self._test(run))
                            continue
                        progress.remove_task(bars.pop(name))
                        if not run.finished:
                            failed.append(run)
                            progress.print(f'{name}: failed, see {run.log}', markup=False, soft_wrap=True)
                        else:
                            progress.print(f'{name}: done, {self._left(runs, failed, begun, at_first)}', markup=False)
                    done = sum(run.progress()[0] for run in runs if run not in failed)
                    left = self._left(runs, failed, begun, at_first)
                    progress.update(total, completed=done + len(failed), left=left)
            finally:
                for _, process, log in self._processes.values():
                    process.terminate()
                    process.wait()
                    log.close()
        return failed

    def _left(self, runs: Sequence[AblationRun], failed: list[AblationRun], begun: float, at_first: float) -> str:
        """Time left at the pace so far."""
        going = [run for run in runs if run not in failed]
        done = sum(run.progress()[0] for run in going)
        if done <= at_first:
            return ''
        seconds = (len(going) - done) * (time.monotonic() - begun) / (done - at_first)
        return f'{sum(run.finished for run in runs)} of {len(runs)}, {timedelta(seconds=round(seconds))} left'

    def _train(self, run: AblationRun) -> list[str]:
        # The best checkpoint is not what is tested: it need not be written.
        options = [f'randomness.seed={run.seed}', 'default_hooks.checkpoint.save_best=None', *self.options]
        return self._command('train.py', run, '--work-dir', run.folder, '--resume', '--cfg-options', *options)

    def _test(self, run: AblationRun) -> list[str]:
        checkpoint = run.folder / run.trained.read_text()
        options = [f'randomness.seed={run.seed}', *self.options]
        args = ('--out-dir', run.folder / 'test', '--overlays', '0', '--cfg-options', *options)
        return self._command('test.py', run, checkpoint, *args)

    def _command(self, tool: str, run: AblationRun, *args: object) -> list[str]:
        data = () if self.data_root is None else ('--data-root', self.data_root)
        return [sys.executable, *map(str, (self.tools / tool, run.config, *data, *args))]

    def _start(self, run: AblationRun, command: list[str]) -> None:
        run.folder.mkdir(parents=True, exist_ok=True)
        log = run.log.open('a')
        env = os.environ | dict.fromkeys(('OMP_NUM_THREADS', 'MKL_NUM_THREADS'), str(self.threads))
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env)
        self._processes[run.name] = (run, process, log)


def plan_runs(configs: Sequence[str], seeds: Sequence[int], out: str | Path) -> list[AblationRun]:
    """The runs of an ablation, each config's first seed before any config's second.

    Args:
        configs: Files; ``CONFIG:0,1,2`` has seeds of its own.
        seeds: Of the others.
        out: Folder of the ablation.

    Raises:
        ConfigError: If a file is not there, two have one name, or seeds are no numbers.
    """
    chosen: dict[Path, Sequence[int]] = {}
    for text in configs:
        name, colon, own = text.partition(':')
        if not Path(name).is_file():
            raise ConfigError(f'no config at {name}')
        if Path(name).stem in {config.stem for config in chosen}:
            raise ConfigError(f'two configs are called {Path(name).stem}: their runs would share a folder')
        try:
            chosen[Path(name)] = [int(seed) for seed in own.split(',')] if colon else seeds
        except ValueError as error:
            raise ConfigError(f'{text}: seeds are whole numbers with commas between') from error
    rounds = range(max(map(len, chosen.values())))
    return [AblationRun(c, s[i], Path(out)) for i in rounds for c, s in chosen.items() if i < len(s)]
