"""Write the visual encoder of a Qwen-VL model as a small folder that loads offline.

    aurora-mm extract-encoder Qwen/Qwen3-VL-8B-Instruct weights/qwen3_vl_8b_encoder
    aurora-mm train configs/aurora_fmc.py --data-root DATA --pretrained weights/qwen3_vl_8b_encoder

Of the source only the shards with visual tensors are downloaded or opened.
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('source', metavar='SRC', help='folder or hub id of the whole model')
    parser.add_argument('folder', metavar='DST', help='folder to make; must be new or empty')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import extract_encoder

    size = extract_encoder(args.source, args.folder)
    print(f'wrote {args.folder}: {size / 1e6:.1f} MB of weights; use it as --pretrained {args.folder}')
