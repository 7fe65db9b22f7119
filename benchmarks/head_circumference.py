"""Head circumferences in mm against those that HC18 publishes: from the true masks, and from a model's.

    python benchmarks/head_circumference.py $AURORA_REAL_DATA/val pixel_sizes.csv [--model CHECKPOINT]

`pixel_sizes.csv` is HC18's own table (`training_set_pixel_size_and_HC.csv`, https://zenodo.org/records/1327317):
file name, pixel size in mm, circumference in mm. HC18 draws each head's ellipse with a line of 3 pixels, and masks are
filled from it, so they reach 1.5 pixels beyond the ellipse that is published; `--border 0` measures the masks as they
are.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np

from aurora_mm.measurements import Structure, measurements_of, structure_of
from aurora_mm.tables import markdown_table
from aurora_mm.tasks import Task

TASK = 'fetal_head'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path, help='a split of us_real')
    parser.add_argument('pixel_sizes', type=Path)
    parser.add_argument('--model', help='a checkpoint that knows the task fetal_head')
    parser.add_argument('--border', type=float, default=1.5, help='pixels (default: 1.5)')
    args = parser.parse_args()

    config = dict(type='Circumference', name='HC', label='head', border=args.border)
    task = Task(TASK, 'segmentation', classes=('background', 'head'), measurements=(config,))
    (circumference,) = measurements_of(task)
    with args.pixel_sizes.open() as file:
        published = {name: (float(size), float(mm)) for name, size, mm in list(csv.reader(file))[1:]}
    folder = args.root / 'Segmentation' / 'Two' / TASK
    names = sorted(path.name for path in (folder / 'mask').iterdir() if path.name in published)

    found = {'true mask': [Structure((published[n][0],) * 2, cv2.imread(str(folder / 'mask' / n), -1)) for n in names]}
    if args.model:
        from aurora_mm.apis import MultiTaskInferencer

        inferencer = MultiTaskInferencer(args.model, show_progress=False)
        images = [str(folder / 'img' / name) for name in names]
        samples = inferencer(images, task=TASK, return_datasamples=True)['predictions']
        found["model's mask"] = [
            structure_of(sample, (published[name][0],) * 2) for name, sample in zip(names, samples, strict=True)
        ]
    rows = []
    for source, structures in found.items():
        values = np.array([circumference(structure).value for structure in structures])
        errors = values - np.array([published[name][1] for name in names])
        measured = errors[np.isfinite(errors)]
        rows.append(
            [
                source,
                f'{len(measured)} of {len(names)}',
                f'{np.abs(measured).mean():.2f}',
                f'{np.median(np.abs(measured)):.2f}',
                f'{measured.mean():+.2f}',
                f'{np.abs(measured).max():.2f}',
            ]
        )
    print(markdown_table(['from', 'heads', 'mean abs. error (mm)', 'median', 'bias', 'largest'], rows))


if __name__ == '__main__':
    main()
