"""What a person who watches a run wants to see."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner

from aurora_mm.engine.console import LineProgress, TerminalProgress, console, run_header, show
from aurora_mm.engine.console.progress import duration
from aurora_mm.engine.console.run_header import count, images_of_tasks
from aurora_mm.evaluation.score_table import score_tables
from aurora_mm.registry import HOOKS
from aurora_mm.tasks import TaskTable

_WINDOW = 50  # steps over which losses are averaged


@HOOKS.register_module()
class ConsoleHook(Hook):
    """Shows a run: what is run on what, a bar for each epoch with the time left and the losses, scores, what was kept.

    Where stdout is no terminal there are lines instead of bars. MMEngine's ``LoggerHook`` writes the log file, which
    has everything else. :func:`aurora_mm.apis.build_runner` adds this hook to every run.

    Args:
        interval: Steps between two lines where there is no bar.
    """

    priority = 'LOWEST'  # after the hooks that work out what is shown, and after CheckpointHook has kept the best

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self._progress: TerminalProgress | LineProgress | None = None
        self._begun: float | None = None

    def before_train(self, runner: Runner) -> None:
        """Shows the header."""
        if self._begun is None:
            self._begun = time.monotonic()
            if is_main_process():
                show(runner.logger, run_header(runner, 'train'))

    def before_test(self, runner: Runner) -> None:
        """Shows the header."""
        if is_main_process():
            show(runner.logger, run_header(runner, 'test'))

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Begins an epoch's bar, once the loader's workers are there."""
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            name = f'epoch {runner.epoch + 1:>{len(str(runner.max_epochs))}}/{runner.max_epochs}'
            self._begin(name, len(runner.train_dataloader), batch_idx)
        else:
            self._begin('steps', runner.max_iters, runner.iter)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Takes a step's losses in."""
        self._advance(runner, losses=True)

    def after_train_epoch(self, runner: Runner) -> None:
        """Ends an epoch's bar."""
        self.close_console(runner)

    def after_train(self, runner: Runner) -> None:
        """Says how the training ended."""
        self.close_console(runner)
        if not is_main_process():
            return
        done, planned, noun = runner.epoch, runner.max_epochs, 'epoch'
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            done, planned, noun = runner.iter, runner.max_iters, 'step'
        early = '' if done >= planned else f', stopped early: {planned} were planned'
        took = duration(time.monotonic() - (self._begun or 0.0))
        last = runner.message_hub.runtime_info.get('last_ckpt')
        kept = f'; last checkpoint: {last}' if last else ''
        show(runner.logger, f'trained {count(done, noun)} in {took}{early}{kept}')

    def before_val_epoch(self, runner: Runner) -> None:
        """Ends the bar of a training that counts steps and not epochs."""
        self.close_console(runner)
        if isinstance(runner._train_loop, BaseLoop):  # a resumed run may begin with a validation
            self.before_train(runner)

    def before_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Begins a validation's bar, which goes when it is done."""
        self._begin('validation', len(runner.val_dataloader), batch_idx, stays=False)

    def before_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Begins a test's bar."""
        self._begin('test', len(runner.test_dataloader), batch_idx)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence | None = None
    ) -> None:
        """A step is done."""
        self._advance(runner)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence | None = None
    ) -> None:
        """A step is done."""
        self._advance(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Shows the scores, and which checkpoint is the best so far."""
        self.close_console(runner)
        if is_main_process() and metrics:
            console().print(_scores(runner, metrics))  # the evaluator and LoggerHook have logged them
            best = runner.message_hub.runtime_info.get('best_ckpt')
            if best is not None:
                score = runner.message_hub.get_info('best_score')
                show(runner.logger, f'best so far: {score:.4f}, {Path(best).name}')

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Ends a test's bar."""
        self.close_console(runner)

    def close_console(self, runner: Runner) -> None:
        """Ends the bar, if there is one."""
        if self._progress is not None:
            self._progress.close()
            self._progress = None

    def _begin(self, name: str, total: int, done: int, stays: bool = True) -> None:
        if self._progress is not None or not is_main_process():
            return
        if console().is_terminal:
            self._progress = TerminalProgress(name, total, done, stays)
        else:
            self._progress = LineProgress(name, total, done, stays, self.interval)
        self._progress.start()  # known to this hook by now: Ctrl-C may come at any time

    def _advance(self, runner: Runner, losses: bool = False) -> None:
        if self._progress is not None:
            self._progress.advance((lambda: _training_details(runner)) if losses else str)


def _training_details(runner: Runner) -> str:
    """The time that is left of the run, and the means of the last losses."""
    hub = runner.message_hub
    means = {
        key.removeprefix('train/'): scalar.mean(_WINDOW)
        for key, scalar in hub.log_scalars.items()
        if key.startswith('train/loss')
    }
    parts = [f'{name.removeprefix("loss_")} {value:.3g}' for name, value in means.items()]
    if 'eta' in hub.runtime_info:
        parts.insert(0, f'run {duration(hub.get_info("eta"))} left')
    return '  '.join(parts)


def _scores(runner: Runner, metrics: dict[str, float]) -> str:
    """The scores of a validation as a table; of a foreign evaluator line by line."""
    dataset = runner.val_dataloader.dataset
    counts = {name: count for name, count in images_of_tasks(dataset).items() if f'{name}/primary' in metrics}
    if counts and 'score' in metrics:
        return score_tables(metrics, TaskTable(dataset.metainfo['tasks']), counts)
    return '\n'.join(f'{name} {value:.4f}' for name, value in metrics.items() if isinstance(value, float))
