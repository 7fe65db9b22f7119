"""Write the visual encoder of a Qwen-VL model as a small folder that loads offline.

    python tools/model_converters/extract_encoder.py Qwen/Qwen3-VL-8B-Instruct weights/qwen3_vl_8b_encoder
    python tools/train.py configs/aurora_fmc.py --data-root DATA --pretrained weights/qwen3_vl_8b_encoder

Of the source only the shards with visual tensors are downloaded or opened.
"""

from __future__ import annotations

import argparse

from aurora_mm.apis import command, extract_encoder


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', metavar='SRC', help='folder or hub id of the whole model')
    parser.add_argument('folder', metavar='DST', help='folder to make; must be new or empty')
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    size = extract_encoder(args.source, args.folder)
    print(f'wrote {args.folder}: {size / 1e6:.1f} MB of weights; use it as --pretrained {args.folder}')


if __name__ == '__main__':
    main()
