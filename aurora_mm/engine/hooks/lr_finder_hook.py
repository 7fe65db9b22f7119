"""A sweep of the learning rate, from which to choose one."""

from __future__ import annotations

import csv
import math
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.console import show
from aurora_mm.errors import AuroraError, ConfigError
from aurora_mm.files import write_figure, write_text
from aurora_mm.models.utils.nonfinite_guard import NonFiniteGuard
from aurora_mm.models.utils.unwrap_model import unwrap_model
from aurora_mm.registry import HOOKS


@HOOKS.register_module()
class LRFinderHook(Hook):
    """Raises the learning rate geometrically at each step and records the loss (https://arxiv.org/abs/1506.01186).

    It runs in a training of ``max_iters`` steps without a schedule. The ratios between the learning rates of parameter
    groups do not change. The loss is the mean over all processes. The run stops when the smoothed loss exceeds
    ``stop_factor`` times its minimum, or when a loss is not finite. The hook writes ``lr_finder.csv`` (lr, loss,
    smoothed loss) and ``lr_finder.png`` to the work dir and logs a suggestion: the learning rate at which the smoothed
    loss falls fastest.

    Args:
        low: First learning rate, of the group with the largest one.
        high: Last learning rate of that group.
        smoothing: Fraction of the old value in the smoothed loss, which is corrected for its start.
        stop_factor: Factor of the minimal smoothed loss at which the run stops.

    Raises:
        ConfigError: If ``low`` is not above 0 and below ``high``.
    """

    priority = 'VERY_LOW'

    def __init__(self, low: float = 1e-6, high: float = 1.0, smoothing: float = 0.9, stop_factor: float = 4.0) -> None:
        if not 0 < low < high:
            raise ConfigError(f'the learning rate is swept upwards from above 0, not from {low} to {high}')
        self.low = low
        self.high = high
        self.smoothing = smoothing
        self.stop_factor = stop_factor
        self.rows: list[tuple[float, float, float]] = []
        self._mean = 0.0
        self._guard: NonFiniteGuard | None = None

    def before_train(self, runner: Runner) -> None:
        """Store the ratios between the groups' learning rates.

        The model's guard counts a loss that is not finite as 0 and stops a run with many of them. Here the first one
        ends the sweep.
        """
        guard = getattr(unwrap_model(runner.model), 'guard', None)
        if isinstance(guard, NonFiniteGuard):
            guard.limit = sys.maxsize
            self._guard = guard
        rates = [group['lr'] for group in runner.optim_wrapper.param_groups]
        self._ratios = [rate / max(rates) for rate in rates]

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Set the learning rate of the step."""
        self._rate = self.low * (self.high / self.low) ** (runner.iter / max(runner.max_iters - 1, 1))
        for group, ratio in zip(runner.optim_wrapper.param_groups, self._ratios, strict=True):
            group['lr'] = self._rate * ratio

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Record the loss of the step, and stop the run if the loss diverges.

        It is the mean over all processes, which therefore stop at the same step.
        """
        mean: torch.Tensor = outputs['loss'].detach().float().clone()
        if self._guard is not None and not self._guard.latest_is_finite():
            mean.fill_(math.nan)
        all_reduce(mean, op='mean')
        loss = mean.item()
        self._mean = self.smoothing * self._mean + (1 - self.smoothing) * loss
        smoothed = self._mean / (1 - self.smoothing ** (len(self.rows) + 1))
        diverged = not math.isfinite(loss) or smoothed > self.stop_factor * min(
            (row[2] for row in self.rows), default=math.inf
        )
        if not diverged:
            self.rows.append((self._rate, loss, smoothed))
        else:
            show(runner.logger, f'the loss diverges at lr {self._rate:.3g}; the sweep ends here')
            runner.train_loop.stop_training = True

    def after_train(self, runner: Runner) -> None:
        """Write the files and log the suggestion.

        Raises:
            AuroraError: If the loss was not finite at the first learning rate.
        """
        if not self.rows:
            raise AuroraError(f'the loss is not finite at the first learning rate, {self.low:g}; start the sweep lower')
        if not is_main_process():
            return
        text = StringIO()
        writer = csv.writer(text, lineterminator='\n')
        writer.writerow(['lr', 'loss', 'smoothed_loss'])
        writer.writerows(self.rows)
        write_text(Path(runner.work_dir) / 'lr_finder.csv', text.getvalue())
        suggestion = self.suggestion()
        self._plot(Path(runner.work_dir) / 'lr_finder.png', suggestion)
        show(runner.logger, f'suggested lr: {suggestion:.3g}' if suggestion else 'no lr made the loss fall')

    def suggestion(self) -> float | None:
        """Return the learning rate at which the smoothed loss falls fastest per log rate; None if it never falls."""
        slopes = [(self.rows[i + 1][2] - self.rows[i - 1][2], self.rows[i][0]) for i in range(1, len(self.rows) - 1)]
        steepest, rate = min(slopes, default=(0.0, 0.0))
        return rate if steepest < 0 else None

    def _plot(self, file: Path, suggestion: float | None) -> None:
        from matplotlib.figure import Figure  # takes a second to import, and training does not need it

        axes = (figure := Figure(figsize=(7, 4), layout='constrained')).subplots()
        rates, losses, smoothed = zip(*self.rows, strict=True)
        axes.semilogx(rates, losses, color='0.8', label='loss')
        axes.semilogx(rates, smoothed, color='tab:blue', label='smoothed')
        if suggestion is not None:
            axes.axvline(suggestion, color='tab:orange', label=f'suggested {suggestion:.3g}')
        axes.set(xlabel='learning rate', ylabel='loss', ylim=(0, 1.5 * max(smoothed[: len(smoothed) // 2 + 1])))
        axes.legend()
        write_figure(file, figure)
