"""Import data of any known layout: find out what a folder holds, show it, and write it for training.

    aurora-mm import-data SRC OUT
    aurora-mm import-data SRC OUT --mask-values 0 255 --classes background nodule --name thyroid
    aurora-mm import-data SRC OUT --map map.json
    aurora-mm train configs/aurora_us_real.py --data-root OUT --tasks OUT/tasks.py

BUSI, HC18, CAMUS, TN3K, DDTI, FH-PS-AOP and usgra-seg are known as they are published, and the formats of COCO, CVAT,
Roboflow, Label Studio, FiftyOne, VIA, YOLO, LabelMe, Pascal VOC, mmseg, nnU-Net, a folder a class, folders of images
and masks, and images with a table of labels; docs/data.md lists them. SRC is not changed. OUT must be new or empty and
appears when all is written.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.import_output import add_output_arguments, show_and_write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('source', type=Path, metavar='SRC', help='folder to read')
    add_output_arguments(parser)
    parser.add_argument('--map', type=Path, metavar='FILE', help='JSON file that describes SRC, see docs/data.md')
    parser.add_argument('--name', help="name of the task (default: the folder's)")
    parser.add_argument('--classes', nargs='+', metavar='NAME', help='names of the classes, background first for masks')
    parser.add_argument(
        '--mask-values',
        nargs='+',
        metavar='V',
        help="values of class 0, 1, ... in the masks, as 0 255, or their colours, as '#000000' '#ff0000'",
    )
    parser.add_argument(
        '--objects',
        choices=['all', 'one', 'single', 'largest'],
        default='all',
        help='images with none or several boxes: take all boxes (all), refuse such images (one), leave them out '
        '(single), or take the largest box',
    )
    parser.add_argument(
        '--missing-points',
        action='store_true',
        help='drawn points: take images without some of the points; these are not labelled there',
    )


def _mask_value(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.folders import require_new_folder
    from aurora_mm.importing import ImportOptions, find_tasks, without_lone_split

    require_new_folder(args.out)
    options = ImportOptions(
        args.name,
        tuple(args.classes) if args.classes else None,
        tuple(map(_mask_value, args.mask_values)) if args.mask_values else None,
        args.objects,
        args.missing_points,
    )
    layout, found = find_tasks(args.source, options, args.map)
    print(f'{args.source}: {layout.name}')
    show_and_write(without_lone_split(found), args)
