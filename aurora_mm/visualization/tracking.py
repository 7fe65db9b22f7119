"""Tracking of a training in programs for experiments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mmengine.config import Config

from aurora_mm.errors import ConfigError
from aurora_mm.extras import require_extra


class _Tracker(NamedTuple):
    backend: str
    packages: tuple[str, ...]
    takes_folder: bool


_TRACKERS = dict(
    tensorboard=_Tracker('TensorboardVisBackend', ('tensorboard',), False),
    mlflow=_Tracker('MLflowBackend', ('mlflow', 'sqlalchemy', 'alembic'), True),
    wandb=_Tracker('WandbBackend', ('wandb',), True),
)
TRACKERS = tuple(_TRACKERS)
"""Names of the programs."""


def track(cfg: Config, names: Sequence[str]) -> None:
    """Add backends to the visualiser of a config, so that numbers and pictures of the training are tracked.

    Args:
        cfg: A config with a visualiser and ``work_dir``. Backends that it has already are kept.
        names: Of ``TRACKERS``.

    Raises:
        ConfigError: If a package is not installed, or the config has no visualiser.
    """
    for name in names:
        tracker = _TRACKERS[name]
        require_extra('track', f'--track {name}', *tracker.packages)
        if cfg.get('visualizer') is None:
            raise ConfigError('--track needs a config with a `visualizer`')
        backend: dict[str, Any] = dict(type=tracker.backend)
        if tracker.takes_folder:
            backend['folder'] = cfg.work_dir
        backends = list(cfg.visualizer.get('vis_backends') or [])
        if not any(one['type'] == tracker.backend for one in backends):
            cfg.visualizer.vis_backends = [*backends, backend]
