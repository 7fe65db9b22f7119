"""Builds a runner from a config."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from aurora_mm.apis.config_check import build_errors_as_config_errors
from aurora_mm.checkpoints.config_text import unformatted
from aurora_mm.engine.console import ConsoleRunner
from aurora_mm.engine.schedule_length import drop_late_schedulers
from aurora_mm.registry import RUNNERS


def build_runner(cfg: Config) -> Runner:
    """Build MMEngine's runner, or the one of ``runner_type``, with little output on the console.

    The console only shows the output of :class:`aurora_mm.engine.ConsoleHook`, warnings and errors. The log file in the
    work dir contains all messages.

    Args:
        cfg: A config. ``default_hooks.console`` is added if it is missing, and schedulers are left out that would begin
            when the training has ended. ``randomness.deterministic`` sets the environment variable that cuBLAS needs
            for it, unless you have set it.

    Raises:
        ConfigError: If a component of the config cannot be built. The message names it. The methods ``train`` and
            ``test`` of the runner raise it too.
    """
    set_cublas_workspace(cfg)
    cfg.setdefault('default_hooks', {})
    cfg.default_hooks.setdefault('console', dict(type='aurora_mm.ConsoleHook'))
    base = RUNNERS.get(cfg.get('runner_type', 'Runner'))
    kind: Any = type(base.__name__, (_CheckedRunner, base), dict(given_cfg=cfg))
    drop_late_schedulers(cfg)
    with build_errors_as_config_errors(cfg):
        return kind.from_cfg(unformatted(cfg))


def set_cublas_workspace(cfg: Config) -> None:
    """Set the environment variable without which torch refuses products of matrices on CUDA in a deterministic run.

    cuBLAS reads it at the first product of the process. A value that is set already stays.

    Args:
        cfg: A config; only ``randomness.deterministic`` is read.
    """
    if cfg.get('randomness', {}).get('deterministic'):
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')


class _CheckedRunner(ConsoleRunner):
    """A mixin for runners of MMEngine, which build many components only when they run."""

    given_cfg: Config

    def _run(self, run: Callable[[], Any]) -> Any:
        with build_errors_as_config_errors(self.given_cfg):
            return super()._run(run)
