"""Tells how many cells RandomPatchMask takes for background, and how much of what is labelled lies in them.

    python benchmarks/tissue_cells.py --data-root data/us_real/train

A cell of 32 x 32 pixels of an image of 224 x 224 counts as labelled if masks cover a twentieth of it. Good limits leave
out much background and few labelled cells.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from aurora_mm.datasets.transforms.random_patch_mask import tissue_cells
from aurora_mm.tables import markdown_table

SIZE, CELL = 224, 32
LABELLED = 0.05


def find_images(root: Path) -> dict[Path, list[Path]]:
    """Return the masks of each image that the CSV files of a data root name."""
    masks: dict[Path, list[Path]] = {}
    for file in sorted((root / 'csv_files').glob('*.csv')):
        with file.open(newline='') as stream:
            for row in csv.DictReader(stream):
                of_image = masks.setdefault((file.parent / row['image_path']).resolve(), [])
                if row.get('mask_path'):
                    of_image.append((file.parent / row['mask_path']).resolve())
    return masks


def read(path: Path, interpolation: int) -> NDArray[np.uint8]:
    """Read a grey image, squashed to the size of the network input."""
    return cv2.resize(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), (SIZE, SIZE), interpolation=interpolation)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data-root', required=True, type=Path, help='folder with csv_files/')
    parser.add_argument('--level', type=int, nargs='+', default=[4, 8, 16], help='grey levels')
    parser.add_argument('--min-share', type=float, nargs='+', default=[0.02, 0.05, 0.1, 0.2], help='shares of a cell')
    args = parser.parse_args()
    images, labels = [], []
    for path, masks in find_images(args.data_root).items():
        images.append(read(path, cv2.INTER_AREA))
        mask = sum((read(file, cv2.INTER_NEAREST) for file in masks), np.zeros((SIZE, SIZE), np.uint8))
        labels.append(tissue_cells(mask, CELL, 0, LABELLED))
    labelled = np.stack(labels)
    rows = []
    for level in args.level:
        for share in args.min_share:
            background = ~np.stack([tissue_cells(image, CELL, level, share) for image in images])
            lost = (background & labelled).sum() / labelled.sum()
            rows.append([str(level), f'{share:g}', f'{100 * background.mean():.1f} %', f'{100 * lost:.1f} %'])
    print(f'{len(images)} images, {labelled.size} cells, {labelled.sum()} of them labelled\n')
    print(markdown_table(['level', 'min_share', 'background', 'labelled cells taken for background'], rows))


if __name__ == '__main__':
    main()
