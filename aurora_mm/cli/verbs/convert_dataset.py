"""Convert data sets: FMC-UIA layout <-> COCO json files, FMC-UIA layout <-> mmseg folders; masks to indices.

    aurora-mm convert-dataset fmc2coco DATA OUT
    aurora-mm convert-dataset fmc2mmseg DATA OUT --include fetal_head breast_lesion
    aurora-mm convert-dataset coco2fmc SRC OUT --name nodule --type detection
    aurora-mm convert-dataset mmseg2fmc SRC OUT --name lung --classes background lung
    aurora-mm convert-dataset indexmasks DATA OUT --mask-values 0 255

OUT must be new or empty and appears when all is written. Names of classes and points are kept: on the way back they
stand in OUT/tasks.py. What --images, --name, --type and --classes say is known for data that came from FMC-UIA, and
exports of Roboflow, CVAT, Label Studio and FiftyOne are found under the names that these give them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('direction', choices=['fmc2coco', 'fmc2mmseg', 'coco2fmc', 'mmseg2fmc', 'indexmasks'])
    parser.add_argument('source', type=Path, metavar='SRC', help='folder to read')
    parser.add_argument('out', type=Path, metavar='OUT', help='folder to make')
    parser.add_argument('--link', action='store_true', help='symbolic links to the images instead of copies')
    fmc = parser.add_argument_group('from FMC-UIA')
    fmc.add_argument('--tasks', type=Path, metavar='FILE', help='config with a list `tasks`, for names of classes')
    fmc.add_argument('--include', nargs='+', metavar='TASK', help='tasks to convert (default: all that fit)')
    other = parser.add_argument_group('to FMC-UIA')
    other.add_argument('--images', help="folder of the images below SRC, as 'images/{split}' (default: the usual ones)")
    other.add_argument('--annotations', metavar='GLOB', help='COCO files below SRC (default: the usual names)')
    other.add_argument(
        '--objects',
        choices=['one', 'single', 'largest'],
        default='one',
        help='images with none or several boxes: refuse them (one), leave them out (single), or take the largest box',
    )
    other.add_argument('--name', help='name of the task')
    other.add_argument(
        '--type',
        choices=['segmentation', 'detection', 'landmark', 'multi_object_detection', 'multi_label_segmentation'],
        help='type of the task',
    )
    other.add_argument('--classes', nargs='+', help='names of the classes, background first')
    parser.add_argument(
        '--mask-values', nargs='+', type=int, metavar='V', help='values of class 0, 1, ... in the masks, as 0 255'
    )


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import read_tasks
    from aurora_mm.converters import coco_to_fmc, fmc_to_coco, fmc_to_mmseg, index_masks, mmseg_to_fmc
    from aurora_mm.folders import require_new_folder

    require_new_folder(args.out)
    tasks = read_tasks(args.tasks).to_config() if args.tasks else ()
    if args.direction in ('fmc2coco', 'fmc2mmseg'):
        convert = fmc_to_coco if args.direction == 'fmc2coco' else fmc_to_mmseg
        written = convert(args.source, args.out, tasks, args.include, args.link)
    elif args.direction == 'coco2fmc':
        how = dict(annotations=args.annotations, objects=args.objects)
        written = coco_to_fmc(args.source, args.out, args.images, args.name, args.type, args.link, **how)
    elif args.direction == 'mmseg2fmc':
        written = mmseg_to_fmc(args.source, args.out, args.name, args.classes, args.link, args.mask_values)
    elif args.mask_values is None:
        raise ConfigError('say which values the masks have for class 0, 1, ...: --mask-values 0 255')
    else:
        written = index_masks(args.source, args.out, args.mask_values, tasks, args.include, args.link)
    print(f'wrote {args.out}: {", ".join(f"{task.name} ({task.type})" for task in written)}')
