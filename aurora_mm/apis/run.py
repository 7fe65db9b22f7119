"""A runner from a config."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.runner import Runner

from aurora_mm.apis.config_check import build_errors_as_config_errors
from aurora_mm.engine.console import ConsoleRunner
from aurora_mm.registry import RUNNERS


def build_runner(cfg: Config) -> Runner:
    """MMEngine's runner, or the one that ``runner_type`` names, with a short console.

    The console shows what :class:`aurora_mm.engine.ConsoleHook` has to say, warnings and errors; the log file in the
    work dir has everything.

    Args:
        cfg: Is given ``default_hooks.console`` if it has none.

    Raises:
        ConfigError: If a part of the config cannot be built, naming it. So do ``train`` and ``test`` of the runner.
    """
    cfg.setdefault('default_hooks', {})
    cfg.default_hooks.setdefault('console', dict(type='aurora_mm.ConsoleHook'))
    base = RUNNERS.get(cfg.get('runner_type', 'Runner'))

    class _Runner(ConsoleRunner, base):
        def _run(self, run):
            with build_errors_as_config_errors(cfg):
                return super()._run(run)

    _Runner.__name__ = base.__name__
    with build_errors_as_config_errors(cfg):
        return _Runner.from_cfg(cfg)
