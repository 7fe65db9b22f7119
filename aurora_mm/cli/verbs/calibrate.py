"""Calibrate a checkpoint on validation data: probabilities, sets and margins, and a flag for unusual images.

    aurora-mm calibrate configs/aurora_fmc.py work_dirs/aurora_fmc/epoch_20.pth --data-root DATA --coverage .9

Writes CKPT_calibrated.pth, the checkpoint without its training state and with the calibration, which `test`, `predict`
and the inferencer then apply; and beside it the folder CKPT_calibration with a table and reliability plots. The table
holds what a calibration on one half of the validation images reaches on the other half. See docs/calibration.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.run_options import add_run_options, config_of
from aurora_mm.cli.trust_option import add_trust_option
from aurora_mm.cli.whole_numbers import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument('checkpoint', metavar='MODEL', help='checkpoint of a training run, model folder, or hub id')
    parser.add_argument(
        '--coverage', type=float, default=0.9, help='share of images whose truth sets and margins contain (default: .9)'
    )
    parser.add_argument('--out', metavar='FILE', help='checkpoint to write (default: MODEL_calibrated.pth)')
    parser.add_argument('--repeats', type=count, default=20, help='random halves for the measurement (default: 20)')
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.calibration.report import write_calibration
    from aurora_mm.checkpoints import local_model, path_for_results
    from aurora_mm.fitting.calibrate_checkpoint import calibrate_checkpoint

    place = path_for_results(args.checkpoint)
    checkpoint = local_model(args.checkpoint)
    out = Path(args.out or place.with_name(f'{place.stem}_calibrated.pth'))
    found = calibrate_checkpoint(config_of(args), checkpoint, out, args.coverage, args.data_root, args.repeats)
    folder = out.with_name(f'{out.stem.removesuffix("_calibrated")}_calibration')
    print(write_calibration(folder, found.measured))
    for reason in found.left_out.values():
        print(f'left as it is: {reason}')
    print(f'wrote {out} and {folder}')
