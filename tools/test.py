"""Score a checkpoint on labelled data.

    python tools/test.py configs/aurora_fmc.py work_dirs/aurora_fmc/best_score_epoch_20.pth --data-root DATA

Writes OUT/metrics.json, OUT/report.md and some pictures per task under OUT/overlays.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from aurora_mm.apis import adopt_checkpoint, command, load_weights, score_constant_predictor
from aurora_mm.evaluation import nested_scores, score_report
from aurora_mm.tasks import TaskTable
from aurora_mm.utils import write_text
from aurora_mm.visualization import contact_sheet


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint of a training run')
    parser.add_argument('--data-root', help='root of the data: with csv_files/, or with train/ and val/ that hold it')
    parser.add_argument('--out-dir', help='where results go (default: the folder `test` beside the checkpoint)')
    parser.add_argument('--overlays', type=int, default=3, metavar='N', help='pictures per task (default: 3)')
    parser.add_argument(
        '--constant', action='store_true', help='also score the best constant answer, found on the training data'
    )
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
    out_dir = Path(args.out_dir or Path(args.checkpoint).parent / 'test')
    adopt_checkpoint(cfg, args.checkpoint, args.data_root)
    cfg.launcher = args.launcher
    cfg.work_dir = str(out_dir)
    hook = dict(type='OverlayHook', out_dir=str(out_dir / 'overlays'), per_task=args.overlays)
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), hook]
    if args.launcher == 'pytorch' and not torch.cuda.is_available():
        # MMEngine's launcher picks a GPU by rank; without one, the processes must be joined before the Runner is made.
        torch.distributed.init_process_group('gloo')
    runner = Runner.from_cfg(cfg)
    load_weights(runner, args.checkpoint)
    scores = nested_scores(runner.test())
    if not is_main_process():
        return
    constant = score_constant_predictor(cfg) if args.constant else None
    report = score_report(scores, TaskTable(cfg.tasks), constant)
    write_text(out_dir / 'metrics.json', json.dumps(scores | ({'constant': constant} if constant else {}), indent=2))
    write_text(out_dir / 'report.md', report)
    pictures = [sorted((out_dir / 'overlays' / name).glob('*.png'))[:1] for name in scores['tasks']]
    if any(pictures):
        contact_sheet([file for files in pictures for file in files], out_dir / 'overlays.png')
    print(report)
    print(f'written to {out_dir}: metrics.json, report.md, overlays/')


if __name__ == '__main__':
    main()
