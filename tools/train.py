"""Train a model.

python tools/train.py configs/aurora_fmc.py --data-root DATA
python tools/train.py configs/aurora_fmc.py --data-root DATA --resume        # go on after a stop
torchrun --nproc_per_node 4 tools/train.py configs/aurora_fmc.py --data-root DATA --launcher pytorch
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from aurora_mm.apis import command, resolve_config


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument('--data-root', help='root of the data: with csv_files/, or with train/ and val/ that hold it')
    parser.add_argument('--pretrained', metavar='W', help="folder or hub id of the encoder's weights, or 'none'")
    parser.add_argument('--work-dir', help='where logs and checkpoints go (default: work_dirs/<config name>)')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='auto|CKPT',
        help='go on from the last checkpoint of the work dir, or from the given one',
    )
    parser.add_argument('--amp', action='store_true', help='bfloat16 mixed precision')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override the config')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = Config.fromfile(args.config)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    resolve_config(cfg, args.data_root, args.pretrained)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    if args.amp:
        cfg.optim_wrapper.type = 'AutocastOptimWrapper'
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    if args.launcher == 'pytorch' and not torch.cuda.is_available():
        # MMEngine's launcher picks a GPU by rank; without one, the processes must be joined before the Runner is made.
        torch.distributed.init_process_group('gloo')
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    runner.train()


if __name__ == '__main__':
    main()
