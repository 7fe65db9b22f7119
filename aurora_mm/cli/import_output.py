"""The arguments of verbs that import data about what they write, and what they do with the tasks that they found."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aurora_mm.importing import FoundTask


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Add OUT, ``--dry-run``, ``--link``, ``--crop`` and ``--group-key``."""
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


def show_and_write(found: Sequence[FoundTask], args: argparse.Namespace) -> None:
    """Print a table of tasks, and write them as the arguments say.

    Args:
        found: The tasks.
        args: The arguments of :func:`add_output_arguments`.
    """
    from aurora_mm.importing import table_of, write_tasks
    from aurora_mm.importing.cropping import crop_tasks
    from aurora_mm.importing.patients import has_patients, hide_patients
    from aurora_mm.sided_names import questions_about_sides
    from aurora_mm.tables import console_text

    key = _key(args) if has_patients(found) else None
    if key is not None:
        found = hide_patients(found, key)
    print(console_text(table_of(found)))
    for _, question in questions_about_sides(item.task for item in found):
        print(f'left and right: {question}')
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
