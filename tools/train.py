"""Train a model.

python tools/train.py configs/aurora_fmc.py --data-root DATA
python tools/train.py configs/aurora_fmc.py --data-root DATA --resume        # go on after a stop
torchrun --nproc_per_node 4 tools/train.py configs/aurora_fmc.py --data-root DATA --launcher pytorch
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from aurora_mm.apis import command, read_config, resolve_config, run_parser


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = run_parser(__doc__)
    parser.add_argument('--pretrained', metavar='W', help="folder or hub id of the encoder's weights, or 'none'")
    parser.add_argument('--work-dir', help='where logs and checkpoints go (default: work_dirs/<config name>)')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='auto|CKPT',
        help='go on from the last checkpoint of the work dir, or from the given one',
    )
    parser.add_argument('--amp', action='store_true', help='bfloat16 mixed precision, on a CPU too')
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    cfg = resolve_config(read_config(args), args.data_root, args.pretrained)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    if args.amp:
        if cfg.optim_wrapper.type in ('OptimWrapper', 'AccumulatingOptimWrapper'):
            cfg.optim_wrapper.type = 'AutocastOptimWrapper'
        cfg.optim_wrapper.on_cpu = True
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    runner.train()


if __name__ == '__main__':
    main()
