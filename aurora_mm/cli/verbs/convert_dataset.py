"""Convert data sets: FMC-UIA layout <-> COCO json files, FMC-UIA layout <-> mmseg folders.

    aurora-mm convert-dataset fmc2coco DATA OUT
    aurora-mm convert-dataset fmc2mmseg DATA OUT --include fetal_head breast_lesion
    aurora-mm convert-dataset coco2fmc SRC OUT --name nodule --type detection
    aurora-mm convert-dataset mmseg2fmc SRC OUT --name lung --classes background lung

OUT must be new or empty and appears when all is written. Names of classes and points are kept: on the way back they
stand in OUT/tasks.py. What --images, --name, --type and --classes say is known for data that came from FMC-UIA.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.errors import DataError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('direction', choices=['fmc2coco', 'fmc2mmseg', 'coco2fmc', 'mmseg2fmc'])
    parser.add_argument('source', type=Path, metavar='SRC', help='folder to read')
    parser.add_argument('out', type=Path, metavar='OUT', help='folder to make')
    parser.add_argument('--link', action='store_true', help='symbolic links to the images instead of copies')
    fmc = parser.add_argument_group('from FMC-UIA')
    fmc.add_argument('--tasks', type=Path, metavar='FILE', help='config with a list `tasks`, for names of classes')
    fmc.add_argument('--include', nargs='+', metavar='TASK', help='tasks to convert (default: all that fit)')
    other = parser.add_argument_group('to FMC-UIA')
    other.add_argument('--images', default='images/{split}', help='folder of the images (default: %(default)s)')
    other.add_argument('--name', help='name of the task')
    other.add_argument('--type', choices=['segmentation', 'detection', 'landmark'], help='type of the task')
    other.add_argument('--classes', nargs='+', help='names of the classes, background first')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import read_tasks
    from aurora_mm.converters import coco_to_fmc, fmc_to_coco, fmc_to_mmseg, mmseg_to_fmc

    if args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise DataError('stands in the way: data is written to a new or an empty folder', file=args.out)
    if args.direction in ('fmc2coco', 'fmc2mmseg'):
        convert = fmc_to_coco if args.direction == 'fmc2coco' else fmc_to_mmseg
        tasks = read_tasks(args.tasks).to_config() if args.tasks else ()
        written = convert(args.source, args.out, tasks, args.include, args.link)
    elif args.direction == 'coco2fmc':
        written = coco_to_fmc(args.source, args.out, args.images, args.name, args.type, args.link)
    else:
        written = mmseg_to_fmc(args.source, args.out, args.name, args.classes, args.link)
    print(f'wrote {args.out}: {", ".join(f"{task.name} ({task.type})" for task in written)}')
