"""What the verbs that train have in common."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from aurora_mm.errors import ConfigError

if TYPE_CHECKING:
    from mmengine.config import Config


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`work_dir_of`, :func:`checkpoint_to_resume` and :func:`run_training`."""
    parser.add_argument('--work-dir', help='where logs and checkpoints go (default: work_dirs/<config name>)')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='auto|CKPT',
        help='go on from the last checkpoint of the work dir, or from the given one',
    )
    parser.add_argument('--amp', action='store_true', help='bfloat16 mixed precision, on a CPU too')


def work_dir_of(args: argparse.Namespace, cfg: Config) -> str:
    """Return the work dir that the arguments ask for, or that of the config, or one named after the config."""
    return args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)


def checkpoint_to_resume(args: argparse.Namespace, cfg: Config) -> str | Path | None:
    """Return the checkpoint that ``--resume`` means; None for none.

    Args:
        args: Parsed arguments.
        cfg: The config, with its ``work_dir``.

    Raises:
        ConfigError: If it names a work dir.
    """
    from aurora_mm.apis import last_checkpoint
    from aurora_mm.engine.hooks.checkpoint_hook import LAST

    resume: str | None = args.resume
    if resume is not None and Path(resume, LAST).is_file():
        raise ConfigError(f'--resume {resume} is a work dir: give a checkpoint in it, or --work-dir {resume} --resume')
    return last_checkpoint(cfg.work_dir) if resume == 'auto' else resume


def run_training(args: argparse.Namespace, cfg: Config, resumed: str | Path | None) -> None:
    """Build the runner and train, in a work dir that no other run uses meanwhile.

    Args:
        args: Parsed arguments; ``--amp`` trains in mixed precision.
        cfg: A complete config.
        resumed: Checkpoint to go on from, or None.

    Raises:
        ConfigError: If a component of the config cannot be built.
        OutputError: If the work dir is in use, cannot be written, or holds the checkpoints of another training.
        WeightsError: If the run cannot go on from the checkpoint.
        KeyboardInterrupt: At Ctrl-C, with the way to go on.
    """
    from aurora_mm.apis import build_runner, hold_work_dir, last_checkpoint, require_resumable, require_unused

    if args.amp:
        _mix_precision(cfg)
    if resumed is not None:
        cfg.resume, cfg.load_from = True, str(resumed)
    with hold_work_dir(cfg.work_dir):
        if resumed is None:
            require_unused(cfg.work_dir)
        try:
            runner = build_runner(cfg)
            if resumed is not None:
                require_resumable(runner.model, resumed)
            runner.train()
        except KeyboardInterrupt as interrupt:
            last = last_checkpoint(cfg.work_dir)
            way = 'no checkpoint was written yet' if last is None else f'add --resume to go on from {last}'
            raise KeyboardInterrupt(f'interrupted; {way}') from interrupt


def _mix_precision(cfg: Config) -> None:
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
