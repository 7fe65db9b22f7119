"""Score a checkpoint on labelled data.

    python tools/test.py configs/aurora_fmc.py work_dirs/aurora_fmc/best_score_epoch_20.pth --data-root DATA

Writes OUT/metrics.json, OUT/report.md and some pictures per task under OUT/overlays.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.runner import Runner

from aurora_mm.apis import adopt_checkpoint, command, load_weights, read_config, run_parser, score_constant_predictor
from aurora_mm.evaluation import nested_scores, score_report
from aurora_mm.tasks import TaskTable
from aurora_mm.utils import write_text
from aurora_mm.visualization import contact_sheet


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = run_parser(__doc__)
    parser.add_argument('checkpoint', help='checkpoint of a training run')
    parser.add_argument('--out-dir', help='where results go (default: the folder `test` beside the checkpoint)')
    parser.add_argument('--overlays', type=int, default=3, metavar='N', help='pictures per task (default: 3)')
    parser.add_argument(
        '--constant', action='store_true', help='also score the best constant answer, found on the training data'
    )
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    cfg = adopt_checkpoint(read_config(args), args.checkpoint, args.data_root)
    out_dir = Path(args.out_dir or Path(args.checkpoint).parent / 'test')
    cfg.work_dir = str(out_dir)
    hook = dict(type='OverlayHook', out_dir=str(out_dir / 'overlays'), per_task=args.overlays)
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), hook]
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
