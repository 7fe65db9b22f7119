"""How long `aurora-mm check-data` takes for a data set of a given size, from a smaller one.

    python benchmarks/check_data.py --images 2000 --project 40000

Generates phantoms in four orientations, with sides of 500 to 700 pixels, half of them as PNG and half as JPEG files,
half with masks and half with classes, and checks them with --workers processes. Seconds of the processor add up all
processes, so that other work on the machine hardly touches them; the projection divides them by the workers. What is
compared pair by pair grows with the square of the number of images; it is timed alone and projected so.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np

from aurora_mm.checking import check_data
from aurora_mm.phantoms import make_dataset
from aurora_mm.tasks import TaskTable

TASKS = TaskTable(
    [
        dict(name='organ', type='segmentation', classes=['background', 'organ']),
        dict(name='kind', type='classification', classes=['a', 'b', 'c']),
    ]
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--images', type=int, default=2000)
    parser.add_argument('--project', type=int, default=40_000)
    parser.add_argument('--workers', type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / 'small', Path(folder) / 'large'
        make_dataset(small, TASKS, max(1, args.images // 8))
        count = enlarge(small, large)
        pairwise = Stopwatch(import_module('aurora_mm.checking.check_data'), 'near_duplicates')
        start = processor_seconds()
        report = check_data(large, list(TASKS.values()), args.workers)
        total = processor_seconds() - start
    factor = args.project / count
    of_images = (total - pairwise.seconds) * factor / args.workers
    of_pairs = pairwise.seconds * factor**2
    print(f'{count} images: {total:.0f} s of the processor, {pairwise.seconds:.1f} s of them comparing pairs')
    print(f'{len(report.problems)} findings')
    print(
        f'{args.project} images, {args.workers} workers: {(of_images + of_pairs) / 60:.1f} minutes, '
        f'{of_pairs / 60:.1f} of them comparing pairs'
    )


def enlarge(small: Path, large: Path) -> int:
    """Write the four orientations of each image in a random size; returns the number of images."""
    rng = np.random.default_rng(0)
    count = 0
    for file in sorted((small / 'csv_files').glob('*.csv')):
        with file.open(newline='') as stream:
            rows = list(csv.DictReader(stream))
        written = []
        for row in rows:
            for flip in (None, 0, 1, -1):
                size = tuple(rng.integers(500, 701, 2).tolist())
                suffix = '.jpg' if count % 2 else '.png'
                turned = dict(row)
                for column, end in (('image_path', suffix), ('mask_path', '.png')):
                    if row.get(column):
                        turned[column] = f'../{column}/{count}{end}'
                        nearest = column == 'mask_path'
                        write(file.parent / row[column], large / column / f'{count}{end}', size, flip, nearest)
                written.append(turned)
                count += 1
        target = large / 'csv_files' / file.name
        target.parent.mkdir(exist_ok=True)
        with target.open('w', newline='') as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(written)
    return count


def write(source: Path, target: Path, size: tuple[int, ...], flip: int | None, nearest: bool) -> None:
    pixels = cv2.imread(str(source), cv2.IMREAD_UNCHANGED)
    pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR)
    target.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(target), pixels if flip is None else cv2.flip(pixels, flip))


class Stopwatch:
    """Replaces a function of a module by one that adds up the seconds of its calls."""

    def __init__(self, owner: object, name: str) -> None:
        self.seconds = 0.0
        inner = getattr(owner, name)

        def timed(*args: object, **kwargs: object) -> object:
            start = time.process_time()
            try:
                return inner(*args, **kwargs)
            finally:
                self.seconds += time.process_time() - start

        setattr(owner, name, timed)


def processor_seconds() -> float:
    """Of this process and of those it started that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == '__main__':
    main()
