"""Pack a checkpoint for the container: without the optimiser, with an answer for every image that cannot be read.

    aurora-mm pack-model weights/model.safetensors epoch_20.pth --data-root DATA

OUT holds tensors, and its config, its tasks and the answers as JSON: there is no code in it. The answers are the best
constant ones on the training data: class frequencies, and the box and the points of highest agreement. Several files in
docker/weights answer as an ensemble.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.trust_option import add_trust_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('out', metavar='OUT', help='file to write, *.safetensors')
    parser.add_argument('checkpoint', metavar='CKPT', help='checkpoint of a training run, or an average of several')
    parser.add_argument('--data-root', help='root of the training data (default: where it was during training)')
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.challenge.packing import pack_checkpoint

    pack_checkpoint(args.checkpoint, args.out, args.data_root)
    before, after = (Path(file).stat().st_size / 1e6 for file in (args.checkpoint, args.out))
    print(f'wrote {args.out}: {after:.1f} MB of {before:.1f} MB')
