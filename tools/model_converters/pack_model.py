"""Pack a checkpoint for the container: no optimiser, but an answer for every image that cannot be read.

    python tools/model_converters/pack_model.py weights/model.pth epoch_20.pth --data-root DATA

The answers are the best constant ones on the training data: class frequencies, and the box and the points of highest
agreement. Several files in docker/weights answer as an ensemble.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.apis import command, write_checkpoint
from aurora_mm.challenge.packing import pack_checkpoint


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', metavar='OUT', help='file to write')
    parser.add_argument('checkpoint', metavar='CKPT', help='checkpoint of a training run, or an average of several')
    parser.add_argument('--data-root', help='root of the training data (default: where it was during training)')
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    write_checkpoint(args.out, pack_checkpoint(args.checkpoint, args.data_root))
    before, after = (Path(file).stat().st_size / 1e6 for file in (args.checkpoint, args.out))
    print(f'wrote {args.out}: {after:.1f} MB of {before:.1f} MB')


if __name__ == '__main__':
    main()
