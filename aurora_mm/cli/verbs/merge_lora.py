"""Merge the LoRA of a training checkpoint into its encoder's weights, to test or ship it without peft.

aurora-mm merge-lora work_dirs/aurora_fmc/epoch_20.pth work_dirs/aurora_fmc/merged.pth
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command
from aurora_mm.cli.trust_option import add_trust_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('checkpoint', metavar='CKPT', help='checkpoint of a training run with LoRA')
    parser.add_argument('out', metavar='OUT', help='checkpoint to write')
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import merge_checkpoint

    merged = merge_checkpoint(args.checkpoint, args.out)
    print(f'wrote {args.out}: {merged} layers merged')
