"""Draw the figure of docs/phantoms.md: the same scenes as each scanner shows them, all of them generated.

python benchmarks/phantom_figure.py docs/phantoms.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from aurora_mm.apis import read_tasks
from aurora_mm.files import write_image
from aurora_mm.phantoms import SCANNERS, make_scene

TASKS = Path(__file__).parents[1] / 'configs' / '_base_' / 'tasks' / 'us_real.py'
SHOWN = ('fetal_head', 'nerve_vessel_multi', 'breast_lesion', 'fetal_head_axes')
SIDE = 260


def figure(seed: int = 3) -> np.ndarray:
    """Return (H, W) uint8: a row for each scanner, a column for each task of SHOWN."""
    tasks = read_tasks(TASKS)
    rows = []
    for scanner in SCANNERS.values():
        images = [make_scene(tasks[name]).draw(np.random.default_rng(seed), 1, scanner).image for name in SHOWN]
        rows.append(np.hstack([_tile(image) for image in images]))
    return np.vstack(rows)


def _tile(image: np.ndarray) -> np.ndarray:
    """Fit an image to a square with a light border."""
    scale = (SIDE - 4) / max(image.shape)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = small.shape
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    return cv2.copyMakeBorder(
        small, top, SIDE - height - top, left, SIDE - width - left, cv2.BORDER_CONSTANT, value=255
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path, help='picture to write')
    write_image(parser.parse_args().out, figure())


if __name__ == '__main__':
    main()
