"""Output of a run on the console."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner

from aurora_mm.console import console, show
from aurora_mm.engine.console import LineProgress, TerminalProgress, run_header
from aurora_mm.engine.console.progress import duration
from aurora_mm.engine.console.run_header import count
from aurora_mm.evaluation.evaluation_result import EvaluationResult
from aurora_mm.evaluation.score_table import score_table
from aurora_mm.registry import HOOKS
from aurora_mm.tables import console_text

_WINDOW = 50  # steps over which losses are averaged


@HOOKS.register_module()
class ConsoleHook(Hook):
    """Shows a header, a bar for each epoch with time left and losses, the scores, and the checkpoints of a run.

    If stdout is not a terminal, lines are printed instead of bars. MMEngine's ``LoggerHook`` writes everything else to
    the log file. :func:`aurora_mm.apis.build_runner` adds this hook to every run.

    Args:
        interval: Steps between two lines if there is no bar.
    """

    priority = 'LOWEST'  # after the hooks that compute what is shown, and after CheckpointHook has kept the best

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self._progress: TerminalProgress | LineProgress | None = None
        self._begun: float | None = None

    def before_train(self, runner: Runner) -> None:
        """Show the header."""
        if self._begun is None:
            self._begun = time.monotonic()
            if is_main_process():
                show(runner.logger, run_header(runner, 'train'))

    def before_test(self, runner: Runner) -> None:
        """Show the header."""
        if is_main_process():
            show(runner.logger, run_header(runner, 'test'))

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Start the bar of an epoch, after the workers of the data loader have started."""
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            name = f'epoch {runner.epoch + 1:>{len(str(runner.max_epochs))}}/{runner.max_epochs}'
            self._begin(name, len(runner.train_dataloader), batch_idx)
        else:
            self._begin('steps', runner.max_iters, runner.iter)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Count a step, with its losses."""
        self._advance(runner, losses=True)

    def after_train_epoch(self, runner: Runner) -> None:
        """Stop the bar of the epoch."""
        self.close_console(runner)

    def after_train(self, runner: Runner) -> None:
        """Show how the training ended."""
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
        """Stop the bar of a training that counts steps instead of epochs."""
        self.close_console(runner)
        if isinstance(runner._train_loop, BaseLoop):  # a resumed run may begin with a validation
            self.before_train(runner)

    def before_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Start the bar of a validation, which is removed at its end."""
        self._begin('validation', len(runner.val_dataloader), batch_idx, stays=False)

    def before_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Start the bar of a test."""
        self._begin('test', len(runner.test_dataloader), batch_idx)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Count a step."""
        self._advance(runner)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Count a step."""
        self._advance(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Show the scores and the best checkpoint so far."""
        self.close_console(runner)
        if is_main_process() and metrics:
            console().print(_scores(runner, metrics))  # the evaluator and LoggerHook have logged them
            best = runner.message_hub.runtime_info.get('best_ckpt')
            if best is not None:
                score = runner.message_hub.get_info('best_score')
                show(runner.logger, f'best so far: {score:.4f}, {Path(best).name}')

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Stop the bar of the test."""
        self.close_console(runner)

    def close_console(self, runner: Runner) -> None:
        """Stop the bar, if there is one."""
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
        self._progress.start()  # after the assignment, so that it is stopped even if Ctrl-C comes here

    def _advance(self, runner: Runner, losses: bool = False) -> None:
        if self._progress is not None:
            self._progress.advance((lambda: _training_details(runner)) if losses else str)


def _training_details(runner: Runner) -> str:
    """Format the time left of the run and the means of the last losses."""
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
    """Format the scores of a validation as a table; those of a foreign evaluator line by line."""
    result = getattr(runner.val_loop.evaluator, 'result', None)
    if isinstance(result, EvaluationResult):
        return console_text(score_table(result))
    return '\n'.join(f'{name} {value:.4f}' for name, value in metrics.items() if isinstance(value, float))
