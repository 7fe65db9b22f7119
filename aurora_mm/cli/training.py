"""What the verbs that train have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aurora_mm.errors import ConfigError

if TYPE_CHECKING:
    from mmengine.config import Config


def run_training(cfg: Config, resumed: str | Path | None) -> None:
    """Build the runner and train.

    Args:
        cfg: A complete config.
        resumed: Checkpoint to go on from, or None.

    Raises:
        ConfigError: If a component of the config cannot be built.
        WeightsError: If the run cannot go on from the checkpoint.
        KeyboardInterrupt: At Ctrl-C, with the way to go on.
    """
    from aurora_mm.apis import build_runner, last_checkpoint, require_resumable

    try:
        runner = build_runner(cfg)
        if resumed is not None:
            require_resumable(runner.model, resumed)
        runner.train()
    except KeyboardInterrupt as interrupt:
        last = last_checkpoint(cfg.work_dir)
        way = 'no checkpoint was written yet' if last is None else f'add --resume to go on from {last}'
        raise KeyboardInterrupt(f'interrupted; {way}') from interrupt


def mix_precision(cfg: Config) -> None:
    """Train in bfloat16 mixed precision, as ``--amp`` says.

    Args:
        cfg: Changed in place.

    Raises:
        ConfigError: If the optimiser wrapper of the config does not support it.
    """
    from aurora_mm.engine import AutocastOptimWrapper
    from aurora_mm.registry import OPTIM_WRAPPERS

    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind in ('OptimWrapper', 'AccumulatingOptimWrapper'):
        kind = 'AutocastOptimWrapper'
    wrapper = OPTIM_WRAPPERS.get(kind)
    if wrapper is None or not issubclass(wrapper, AutocastOptimWrapper):
        raise ConfigError(f'--amp cannot give {kind}, which this config trains with, mixed precision: leave it out')
    cfg.optim_wrapper.update(type=kind, on_cpu=True)
