"""Pretrain an encoder on images without labels.

aurora-mm pretrain configs/pretraining/simmim_qwen3-vl-tiny.py --images scans clips
aurora-mm pretrain configs/pretraining/simmim_qwen3-vl-tiny.py --images scans --pretrained FOLDER  # continue it
aurora-mm pretrain configs/pretraining/simmim_qwen3-vl-tiny.py --images scans --resume             # go on after a stop
aurora-mm train configs/aurora_us_real.py --data-root DATA --pretrained work_dirs/simmim_qwen3-vl-tiny/encoder
torchrun --nproc_per_node 4 -m aurora_mm pretrain CONFIG --images scans --launcher pytorch

Patches are masked, and the encoder learns to predict them (SimMIM). docs/encoder.md says more.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.run_options import add_config_options, config_of
from aurora_mm.cli.training import mix_precision, run_training
from aurora_mm.cli.trust_option import add_trust_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_options(parser)
    parser.add_argument(
        '--images',
        nargs='+',
        metavar='FOLDER',
        help='folders of images, DICOM files and videos, searched with the folders in them; files; or patterns',
    )
    parser.add_argument('--pretrained', metavar='W', help="folder or hub id of weights to start from, or 'none'")
    parser.add_argument('--work-dir', help='where logs and weights go (default: work_dirs/<config name>)')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='auto|CKPT',
        help='go on from the last checkpoint of the work dir, or from the given one',
    )
    parser.add_argument('--amp', action='store_true', help='bfloat16 mixed precision, on a CPU too')
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import hold_work_dir, last_checkpoint, read_checkpoint, resolve_pretraining

    cfg = config_of(args)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    resumed = last_checkpoint(cfg.work_dir) if args.resume == 'auto' else args.resume
    if resumed is not None and not Path(resumed).is_dir():
        read_checkpoint(resumed, keys=())  # before anything is written
    resolve_pretraining(cfg, args.images, args.pretrained)
    if args.amp:
        mix_precision(cfg)
    if resumed is not None:
        cfg.resume, cfg.load_from = True, str(resumed)
    with hold_work_dir(cfg.work_dir):
        run_training(cfg, resumed)
