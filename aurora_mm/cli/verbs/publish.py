"""Write a model folder from a checkpoint: weights, tasks, scores and a model card, without the training state.

    aurora-mm publish work_dirs/run/epoch_12.pth my_model --results work_dirs/run/test
    aurora-mm publish epoch_12_calibrated.pth docker/model --data-root TRAINING_DATA    # for the challenge's container

FOLDER can be used wherever a checkpoint can, and can be uploaded to the Hugging Face hub as it is. It contains no code,
no path of this machine, and of the data only numbers of images, 8-byte hashes of them, and scores. See
docs/model_folder.md.
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command
from aurora_mm.cli.trust_option import add_trust_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='checkpoint of a training run, or model folder')
    parser.add_argument('folder', metavar='FOLDER', help='folder to write, new or empty')
    parser.add_argument(
        '--results', metavar='DIR', help='results of `aurora-mm test` of this checkpoint, for the scores'
    )
    parser.add_argument(
        '--data-root',
        metavar='ROOT',
        help='root of the training data, for answers to images that cannot be read, which `predict --challenge` needs',
    )
    parser.add_argument(
        '--license', metavar='NAME', help='licence of the weights by its name on the hub, such as cc-by-nc-4.0'
    )
    parser.add_argument(
        '--groups',
        metavar='COLUMN',
        nargs='+',
        default=[],
        help='columns of `aurora-mm test --by` whose groups may be named in the card, such as centre; by default none, '
        'since values of a column may name patients',
    )
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.publishing import publish

    done = publish(args.checkpoint, args.folder, args.results, args.data_root, args.license, args.groups)
    print(f'wrote {done.folder}: {done.bytes_after / 1e6:.1f} MB of {done.bytes_before / 1e6:.1f} MB')
    for what in done.left_out:
        print(f'left out: {what}')
    for file in sorted(done.folder.iterdir()):
        print(f'  {file.name:<22} {file.stat().st_size / 1e3:>10,.1f} kB')
