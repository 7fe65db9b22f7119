"""Average the weights of several checkpoints of one architecture, such as the last epochs of a run.

    aurora-mm average-checkpoints averaged.pth work_dirs/aurora_fmc/epoch_{18,19,20}.pth

The result is a checkpoint like any other, for `test` or `publish`; a training cannot go on from it.
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command
from aurora_mm.cli.trust_option import add_trust_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('out', metavar='OUT', help='file to write')
    parser.add_argument('checkpoints', nargs='+', metavar='CKPT', help='two checkpoints or more')
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import average_checkpoints, batch_norm_statistics, write_checkpoint
    from aurora_mm.checkpoints import check_derived_file

    check_derived_file(args.out, args.checkpoints)
    averaged = average_checkpoints(args.checkpoints)
    statistics = batch_norm_statistics(averaged)
    if statistics:
        print(f'warning: {len(statistics)} running statistics, such as {statistics[0]}, were averaged too')
    write_checkpoint(args.out, averaged)
    print(f'wrote {args.out}, the mean of {len(args.checkpoints)} checkpoints')
