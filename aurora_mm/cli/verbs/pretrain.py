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

from aurora_mm.cli.command import command
from aurora_mm.cli.run_options import add_config_options, config_of
from aurora_mm.cli.training import (
    add_training_options,
    checkpoint_to_resume,
    run_training,
    work_dir_of,
)
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
    add_training_options(parser)
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import require_whole, resolve_pretraining

    cfg = config_of(args)
    cfg.work_dir = work_dir_of(args, cfg)
    resumed = checkpoint_to_resume(args, cfg)
    if resumed is not None:
        require_whole(resumed)
    resolve_pretraining(cfg, args.images, args.pretrained)
    run_training(args, cfg, resumed)
