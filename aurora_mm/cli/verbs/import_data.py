"""Import data of any known layout: find out what a folder holds, show it, and write it for training.

    aurora-mm import-data SRC OUT
    aurora-mm import-data SRC OUT --mask-values 0 255 --classes background nodule --name thyroid
    aurora-mm import-data SRC OUT --map map.json
    aurora-mm train configs/aurora_us_real.py --data-root OUT --tasks OUT/tasks.py

BUSI, HC18, CAMUS, TN3K, DDTI and FH-PS-AOP are known as they are published, and the formats of COCO, CVAT, Roboflow,
Label Studio, FiftyOne, YOLO, LabelMe, Pascal VOC, mmseg, nnU-Net, a folder a class, and folders of images and masks;
docs/data.md lists them. SRC is not changed. OUT must be new or empty and appears when all is written.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('source', type=Path, metavar='SRC', help='folder to read')
    parser.add_argument('out', type=Path, metavar='OUT', help='folder to make')
    parser.add_argument('--dry-run', action='store_true', help='show what would be written, and write nothing')
    parser.add_argument('--link', action='store_true', help='symbolic links to the images instead of copies')
    parser.add_argument(
        '--crop',
        action='store_true',
        help='crop images to the part that shows ultrasound, by the regions of DICOM headers or the pixels',
    )
    parser.add_argument(
        '--group-key',
        type=Path,
        metavar='FILE',
        help='secret file, by which ids of patients in DICOM headers are hashed (default: OUT.group-key, a new one)',
    )
    parser.add_argument('--map', type=Path, metavar='FILE', help='JSON file that describes SRC, see docs/data.md')
    parser.add_argument('--name', help="name of the task (default: the folder's)")
    parser.add_argument('--classes', nargs='+', metavar='NAME', help='names of the classes, background first for masks')
    parser.add_argument(
        '--mask-values', nargs='+', type=int, metavar='V', help='values of class 0, 1, ... in the masks, as 0 255'
    )
    parser.add_argument(
        '--objects',
        choices=['all', 'one', 'single', 'largest'],
        default='all',
        help='images with none or several boxes: take all boxes (all), refuse such images (one), leave them out '
        '(single), or take the largest box',
    )


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.files import require_new_folder
    from aurora_mm.importing import ImportOptions, find_tasks, table_of, write_tasks
    from aurora_mm.importing.cropping import crop_tasks
    from aurora_mm.importing.patients import has_patients, hide_patients
    from aurora_mm.tables import console_text

    require_new_folder(args.out)
    options = ImportOptions(
        args.name,
        tuple(args.classes) if args.classes else None,
        tuple(args.mask_values) if args.mask_values else None,
        args.objects,
    )
    layout, found = find_tasks(args.source, options, args.map)
    print(f'{args.source}: {layout.name}')
    key = _key(args) if has_patients(found) else None
    if key is not None:
        found = hide_patients(found, key)
    print(console_text(table_of(found)))
    if args.crop:
        found, report = crop_tasks(found)
        print(report)
    if args.dry_run:
        return
    if key is not None:
        _keep_key(args, key)
    written = write_tasks(found, args.out, args.link, key)
    print(f'wrote {args.out}: {", ".join(f"{count} rows of {name}" for name, count in written.items())}')


def _key_file(args: argparse.Namespace) -> Path:
    given: Path | None = args.group_key
    out: Path = args.out.absolute()
    return given or out.with_name(f'{out.name}.group-key')


def _key(args: argparse.Namespace) -> bytes:
    from aurora_mm.importing.patients import new_group_key, read_group_key

    file = _key_file(args)
    return read_group_key(file) if args.group_key or file.exists() else new_group_key()


def _keep_key(args: argparse.Namespace, key: bytes) -> None:
    """Write a key that was made, and say where the key is."""
    from aurora_mm.importing.patients import write_group_key

    file = _key_file(args)
    if not file.exists():
        write_group_key(file, key)
    print(
        f'DICOM: patients became groups by the key in {file}. Keep it, so that further data gets the same groups, and '
        'keep it away from the data: who has it can find out which group the id of a patient became.'
    )
