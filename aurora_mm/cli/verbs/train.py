"""Train a model.

aurora-mm train configs/aurora_fmc.py --data-root DATA
aurora-mm train configs/aurora_fmc.py --data-root DATA --resume        # go on after a stop
aurora-mm train configs/aurora_fmc.py --data-root DATA --track mlflow  # numbers and pictures in MLflow
aurora-mm train configs/aurora_us_real.py --data-root DATA --tasks my_tasks.py     # names of classes and points
aurora-mm train configs/aurora_us_real.py --data-root DATA --tasks lesion nerve    # these two tasks alone
aurora-mm train configs/aurora_us_real.py --data-root FOLDS --fold 0               # of `aurora-mm split-data --folds`
aurora-mm train configs/aurora_fmc_specialise.py --data-root DATA --load-from work_dirs/aurora_fmc/epoch_20.pth
aurora-mm train configs/aurora_fmc.py --data-root MINE --tasks my_tasks.py --load-from epoch_20.pth --work-dir NEW
torchrun --nproc_per_node 4 -m aurora_mm train configs/aurora_fmc.py --data-root DATA --launcher pytorch
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from aurora_mm.cli.command import command
from aurora_mm.cli.run_options import add_run_options, config_of
from aurora_mm.cli.training import (
    add_training_options,
    checkpoint_to_resume,
    run_training,
    work_dir_of,
)
from aurora_mm.cli.trust_option import add_trust_option
from aurora_mm.errors import ConfigError

if TYPE_CHECKING:
    from mmengine.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument('--pretrained', metavar='W', help="folder or hub id of the encoder's weights, or 'none'")
    parser.add_argument(
        '--tasks',
        nargs='+',
        default=[],
        metavar='FILE|NAME',
        help="config file with a list `tasks`, to use in place of the config's; or names of the tasks to train "
        '(default: all that have training rows)',
    )
    parser.add_argument(
        '--load-from',
        metavar='CKPT',
        help="start from a trained model's encoder, necks and heads, for its tasks or those of --tasks",
    )
    parser.add_argument(
        '--fold',
        type=int,
        metavar='K',
        help='train on <data root>/fold_K, which split-data wrote, in <work dir>/fold_K; from 0',
    )
    parser.add_argument(
        '--track',
        nargs='+',
        default=[],
        choices=['tensorboard', 'mlflow', 'wandb'],
        help='write numbers and pictures for these programs into the work dir; see docs/training.md',
    )
    add_training_options(parser)
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    cfg = config_of(args)
    resumed = complete_config(args, cfg)
    run_training(args, cfg, resumed)


def complete_config(args: argparse.Namespace, cfg: Config) -> str | Path | None:
    """Set the work dir, the data, the tasks and the starting weights of a config to those of the arguments.

    Args:
        args: Parsed arguments.
        cfg: Changed in place.

    Returns:
        Checkpoint to go on from, or None.

    Raises:
        ConfigError: If arguments contradict each other, or a fold or a task does not exist.
        DataError: If there is no data, or it contradicts the known tasks.
        WeightsError: If weights to start from cannot be read.
    """
    from aurora_mm.apis import read_tasks, require_whole, resolve_config, start_from, starts_from_weights, transfer_from

    cfg.work_dir = work_dir_of(args, cfg)
    data_root = args.data_root
    if args.fold is not None:
        folder = _fold_of(data_root, args.fold)
        data_root, cfg.work_dir = str(folder), str(Path(cfg.work_dir) / folder.name)
    if args.load_from is not None and args.pretrained is not None:
        raise ConfigError("--load-from brings the encoder's weights: leave --pretrained out")
    resumed = checkpoint_to_resume(args, cfg)
    from_weights = args.load_from is not None or (resumed is not None and starts_from_weights(cfg))
    if resumed is not None:
        require_whole(resumed)
    files = [text for text in args.tasks if text.endswith('.py')]
    if len(files) > 1:
        raise ConfigError(f'--tasks takes one file, not {", ".join(files)}')
    tasks = read_tasks(files[0]) if files else None
    names = [text for text in args.tasks if text not in files] or None
    if not from_weights:
        if tasks is not None:
            cfg.tasks = tasks.to_config()
        resolve_config(cfg, data_root, args.pretrained, names)
    elif args.tasks:
        transfer_from(cfg, resumed or args.load_from, data_root, tasks, names)
    else:
        start_from(cfg, resumed or args.load_from, data_root)
    if args.track:
        from aurora_mm.visualization.tracking import track

        track(cfg, args.track)
    return resumed


def _fold_of(data_root: str | None, fold: int) -> Path:
    """Return the data root of a fold.

    Raises:
        ConfigError: If there is no such fold.
    """
    if data_root is None:
        raise ConfigError('--fold needs --data-root, the folder that `aurora-mm split-data --folds` wrote')
    folder = Path(data_root) / f'fold_{fold}'
    if not folder.is_dir():
        found = sorted(path.name for path in Path(data_root).glob('fold_*'))
        raise ConfigError(f'no fold {fold}: {data_root} holds {", ".join(found) or "no folds"}')
    return folder
