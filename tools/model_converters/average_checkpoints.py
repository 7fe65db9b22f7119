"""Average the weights of several checkpoints of one architecture, such as the last epochs of a run.

    python tools/model_converters/average_checkpoints.py averaged.pth work_dirs/aurora_fmc/epoch_{18,19,20}.pth

The result is a checkpoint like any other, for tools/test.py or tools/model_converters/pack_model.py; a training cannot
go on from it.
"""

from __future__ import annotations

import argparse

from aurora_mm.apis import average_checkpoints, batch_norm_statistics, command, write_checkpoint


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', metavar='OUT', help='file to write')
    parser.add_argument('checkpoints', nargs='+', metavar='CKPT', help='two checkpoints or more')
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    averaged = average_checkpoints(args.checkpoints)
    statistics = batch_norm_statistics(averaged)
    if statistics:
        print(f'warning: {len(statistics)} running statistics, such as {statistics[0]}, were averaged too')
    write_checkpoint(args.out, averaged)
    print(f'wrote {args.out}, the mean of {len(args.checkpoints)} checkpoints')


if __name__ == '__main__':
    main()
