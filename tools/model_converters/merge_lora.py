"""Merge the LoRA of a training checkpoint into its encoder's weights, to test or ship it without peft.

python tools/model_converters/merge_lora.py work_dirs/aurora_fmc/epoch_20.pth work_dirs/aurora_fmc/merged.pth
"""

from __future__ import annotations

import argparse

from aurora_mm.apis import command, merge_checkpoint


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', help='checkpoint of a training run with LoRA')
    parser.add_argument('out', metavar='OUT', help='checkpoint to write')
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    merged = merge_checkpoint(args.checkpoint, args.out)
    print(f'wrote {args.out}: {merged} layers merged')


if __name__ == '__main__':
    main()
