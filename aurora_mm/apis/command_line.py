"""What the scripts under ``tools/`` that run a model have in common: arguments, config, and how they end."""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from mmengine.config import Config, DictAction

from aurora_mm.apis.config import set_data_root
from aurora_mm.config_variables import set_image_size
from aurora_mm.errors import AuroraError, ConfigError
from aurora_mm.tasks import TaskTable


def command(main: Callable[..., None]) -> Callable[..., None]:
    """Turns an error that the user can mend into its message and exit status 2, without a traceback."""

    @functools.wraps(main)
    def run(argv: Sequence[str] | None = None) -> None:
        try:
            main(argv)
        except AuroraError as error:
            print(f'error: {error}', file=sys.stderr)
            sys.exit(2)

    return run


def run_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the arguments of every script that runs a model; :func:`read_config` carries them out."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument('--data-root', help='root of the data: with csv_files/, or with train/ and val/ that hold it')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override the config')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    return parser


def read_tasks(file: str | Path) -> TaskTable:
    """The tasks that a config file lists as ``tasks``.

    Raises:
        ConfigError: If there is no such file or no such list in it.
    """
    try:
        return TaskTable(Config.fromfile(file).tasks)
    except FileNotFoundError as error:
        raise ConfigError(str(error)) from error
    except AttributeError as error:
        raise ConfigError(f'{file} has no list `tasks`') from error


def read_config(args: argparse.Namespace) -> Config:
    """The config that the arguments name, with their overrides and launcher.

    Of the overrides, ``img_size=N`` reaches every pipeline and ``data_root=DIR`` every data set of the challenge's
    layout.

    Without a GPU, ``--launcher pytorch`` joins the processes here: MMEngine's launcher picks a GPU by rank.

    Raises:
        ConfigError: If there is no such file.
    """
    try:
        cfg = Config.fromfile(args.config)
    except FileNotFoundError as error:
        raise ConfigError(str(error)) from error
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
        # MMEngine changes the variable and nothing that was made from it.
        if 'img_size' in args.cfg_options:
            set_image_size(cfg, cfg.img_size)
        if 'data_root' in args.cfg_options:
            set_data_root(cfg, cfg.data_root)
    cfg.launcher = args.launcher
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.launcher == 'pytorch' and not torch.cuda.is_available():
        torch.distributed.init_process_group('gloo')
    return cfg
