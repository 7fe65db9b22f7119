"""Export a checkpoint to ONNX or to torch's own format, to be run without aurora_mm.

    aurora-mm export work_dirs/run/epoch_12.pth --format onnx --out OUT
    aurora-mm export MODEL --format pt2 --tasks fetal_head,fetal_head_axes --precision fp16 --out OUT
    aurora-mm export MODEL --precision int8 --images some_training_images --out OUT

OUT holds model.onnx and predictor.py, which needs numpy and onnxruntime alone; or model.pt2. Both take images of any
size and return results in their pixels, see docs/export.md.
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command
from aurora_mm.cli.trust_option import add_trust_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('checkpoint', metavar='MODEL', help='checkpoint of a training run, model folder, or hub id')
    parser.add_argument('--out', required=True, metavar='FOLDER', help='folder to write, new or empty')
    parser.add_argument('--format', choices=['onnx', 'pt2'], default='onnx', help='default: onnx')
    parser.add_argument('--tasks', metavar='A,B', help='names of tasks (default: all that can be exported)')
    parser.add_argument('--precision', choices=['fp32', 'fp16', 'int8'], default='fp32', help='default: fp32')
    parser.add_argument('--images', metavar='DIR', help='for int8: folder of images like those of the training')
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.exporting.export_model import export_model
    from aurora_mm.images.reading import images_in, read_image

    tasks = None if args.tasks is None else [name.strip() for name in args.tasks.split(',')]
    images = [read_image(file).pixels for file in (images_in(args.images) if args.images else [])]
    names = export_model(args.checkpoint, args.out, args.format, tasks, args.precision, images)
    print(f'wrote {args.out}: {", ".join(names)}')
