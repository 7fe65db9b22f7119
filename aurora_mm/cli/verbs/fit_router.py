"""Fit a router to a checkpoint, which chooses the tasks of an image: `predict --tasks auto` and the web page use it.

    aurora-mm fit-router configs/aurora_fmc.py work_dirs/aurora_fmc/epoch_20.pth --data-root DATA

Writes CKPT_routed.pth, the checkpoint without its training state and with the router, and prints how well it chooses
the tasks of the validation images. The encoder does not change. See docs/predictions.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.run_options import add_run_options, config_of
from aurora_mm.cli.trust_option import add_trust_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument('checkpoint', metavar='MODEL', help='checkpoint of a training run, model folder, or hub id')
    parser.add_argument(
        '--confidence', type=float, default=0.5, help='least probability of a task that is chosen (default: .5)'
    )
    parser.add_argument('--out', metavar='FILE', help='checkpoint to write (default: MODEL_routed.pth)')
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.checkpoints import local_model, path_for_results
    from aurora_mm.fitting.fit_router import fit_router

    place = path_for_results(args.checkpoint)
    checkpoint = local_model(args.checkpoint)
    out = Path(args.out or place.with_name(f'{place.stem}_routed.pth'))
    router, found = fit_router(config_of(args), checkpoint, out, args.confidence, args.data_root)
    print(
        f'{found.images} validation images: likeliest task right {100 * found.first:.1f} %, exactly the right tasks '
        f'{100 * found.exact:.1f} %, precision {100 * found.precision:.1f} %, recall {100 * found.recall:.1f} %, '
        f'unknown {100 * found.unknown:.1f} %'
    )
    if router.distance is None:
        print('there are too few validation images to tell unusual images')
    print(f'wrote {out}')
