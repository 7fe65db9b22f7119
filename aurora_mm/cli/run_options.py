"""The arguments of verbs that run a config."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`config_of`, and ``--data-root``."""
    add_config_options(parser)
    parser.add_argument('--data-root', help='root of the data: with csv_files/, or with train/ and val/ that hold it')


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`config_of`."""
    parser.add_argument('config', metavar='CONFIG', help='config file, or the name of one that comes with aurora_mm')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override the config')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def config_of(args: argparse.Namespace) -> Config:
    """Read and check the config, and apply the overrides and the launcher of the command line.

    Without a GPU, ``--launcher pytorch`` initializes the process group here, because MMEngine's launcher needs a GPU.

    Args:
        args: Parsed arguments of a parser with :func:`add_config_options`.

    Raises:
        ConfigError: See :func:`aurora_mm.apis.read_config`.
    """
    import torch

    from aurora_mm.apis import read_config

    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.launcher == 'pytorch' and not torch.cuda.is_available():
        torch.distributed.init_process_group('gloo')
    return cfg
