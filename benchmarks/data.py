"""Images that a training pipeline prepares a second on one core, beside reading and resizing the same files alone.

    python benchmarks/data.py --data-root DATA
    python benchmarks/data.py --data-root DATA --configs configs/aurora_us_real.py --images 400
    python benchmarks/data.py --data-root DATA --jpeg /tmp/as_jpeg

For each config:

- image: cv2.imread and cv2.resize of the image to the size of the network input
- files: the same of the image and its masks, which are the files that the pipeline reads
- pipeline: an item of the training data set, all of its transforms and labels included; PNG files are decoded by
  kornia-rs if it is installed
- pipeline, OpenCV: the same with OpenCV alone
- pipeline, cache: the same with decoded images in a PixelCache, which is filled before

All are run for one image after the other, so that other work on the machine touches them alike. The fastest of
--repeats runs counts for each image, and the sum over the images gives the rate. With --jpeg, the images are written as
JPEG files to a new folder first, twice as large along each side, and pipelines are also run with least_side. --parts
adds the milliseconds of each transform for an image.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope

from aurora_mm.config_variables import set_data_root
from aurora_mm.datasets.seeded_index import SeededIndex, seeded_by
from aurora_mm.images import plain_png
from aurora_mm.registry import DATASETS

REPO = Path(__file__).resolve().parents[1]
CONFIGS = ('configs/aurora_fmc_plus.py', 'configs/aurora_us_real.py')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data-root', required=True)
    parser.add_argument('--configs', nargs='+', default=[str(REPO / config) for config in CONFIGS])
    parser.add_argument('--images', type=int, default=200)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--jpeg', metavar='FOLDER', help='a new folder for the images as large JPEG files')
    parser.add_argument('--parts', action='store_true', help='also print the time of each transform')
    args = parser.parse_args()
    cv2.setNumThreads(1)
    init_default_scope('aurora_mm')
    root = args.data_root if args.jpeg is None else as_jpeg(args.data_root, args.jpeg)
    for config in args.configs:
        with tempfile.TemporaryDirectory() as folder:
            report(config, root, args.images, args.repeats, folder, reduce=args.jpeg is not None, parts=args.parts)


def report(config: str, root: str, count: int, repeats: int, cache: str, reduce: bool, parts: bool) -> None:
    cfg = Config.fromfile(config)
    size = cfg.img_size
    options = {'pipeline': {}, 'pipeline, cache': dict(cache=dict(folder=cache, max_gb=100.0))}
    if reduce:
        options['pipeline, least_side'] = dict(least_side=round(1.2 * size))
        options['pipeline, least_side, cache'] = options['pipeline, least_side'] | options['pipeline, cache']
    datasets = {name: train_set(cfg, root, arguments) for name, arguments in options.items()}
    first = datasets['pipeline']
    count = min(count, len(first))
    indices = np.random.default_rng(0).permutation(len(first))[:count].tolist()
    items = [first.get_data_info(index) for index in indices]
    files = [[item['img_path'], *masks_of(item)] for item in items]
    runs: dict[str, Callable[[int], Any]] = {
        'image': lambda place: resized(files[place][:1], size),
        'files': lambda place: resized(files[place], size),
    } | {
        name: lambda place, dataset=dataset: dataset[SeededIndex(indices[place], (0, place))]
        for name, dataset in datasets.items()
    }
    runs['pipeline, OpenCV'] = without_kornia(runs['pipeline'])
    seconds = measure(runs, count, repeats)
    rates = {name: count / total for name, total in seconds.items()}
    print(f'{Path(config).name}, {size} px, {count} images ({len(first)} in all)')
    print(f'{"":28s}{"images/s":>10s}{"/ image":>10s}{"/ files":>10s}')
    for name, rate in rates.items():
        print(f'{name:28s}{rate:10.0f}{rate / rates["image"]:10.2f}{rate / rates["files"]:10.2f}')

    if parts:
        times = times_of_parts(first, indices, repeats)
        print('milliseconds: ' + ', '.join(f'{name} {1e3 * total / count:.2f}' for name, total in times.items()))


def without_kornia(run: Callable[[int], Any]) -> Callable[[int], Any]:
    def by_opencv(place: int) -> Any:
        with patch.object(plain_png, '_decoder', lambda: None):
            return run(place)

    return by_opencv


def times_of_parts(dataset: Any, indices: list[int], repeats: int) -> dict[str, float]:
    """Seconds of each step for all images, the fastest run of each counting."""
    results: dict[str, Any] = {}

    def item(place: int) -> None:
        results.clear()
        results.update(dataset.get_data_info(indices[place]))

    def step(transform: Callable[[dict[str, Any]], Any]) -> Callable[[int], None]:
        def run(place: int) -> None:
            with seeded_by(SeededIndex(indices[place], (0, place))):
                transform(results)  # changes them in place, but for the last one, which packs them

        return run

    steps = {type(transform).__name__: step(transform) for transform in dataset.pipeline.transforms}
    return measure({'item': item} | steps, len(indices), repeats)


def train_set(cfg: Config, root: str, arguments: dict[str, Any]) -> Any:
    """The training data set, with arguments of the transform that loads images."""
    cfg = cfg.copy()
    set_data_root(cfg, root)
    dataset = cfg.train_dataloader.dataset
    dataset.pipeline[0].update(arguments)
    return DATASETS.build(dataset)


def masks_of(item: dict[str, Any]) -> list[str]:
    return [row['seg_map_path'] for row in (item, *item.get('other_rows', ())) if 'seg_map_path' in row]


def resized(files: list[str], size: int) -> None:
    image, *masks = files
    cv2.resize(cv2.imread(image, cv2.IMREAD_COLOR), (size, size))
    for mask in masks:
        cv2.resize(cv2.imread(mask, cv2.IMREAD_UNCHANGED), (size, size), interpolation=cv2.INTER_NEAREST)


def measure(runs: dict[str, Callable[[int], Any]], count: int, repeats: int) -> dict[str, float]:
    """Seconds for all images, the fastest run of each counting; a run before fills caches."""
    fastest = {name: np.full(count, np.inf) for name in runs}
    for repeat in range(repeats + 1):
        for place in range(count):
            for name, run in runs.items():
                start = time.process_time()
                run(place)
                if repeat:
                    fastest[name][place] = min(fastest[name][place], time.process_time() - start)
    return {name: float(times.sum()) for name, times in fastest.items()}


def as_jpeg(root: str, out: str) -> str:
    """Copy a data root with its images as JPEG files of twice the size; masks grow alike."""
    shutil.copytree(root, out)
    for path in sorted(Path(out).rglob('*.png')):
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        mask = path.parent.name.startswith('mask')
        flags = cv2.INTER_NEAREST if mask else cv2.INTER_LINEAR
        pixels = cv2.resize(pixels, None, fx=2, fy=2, interpolation=flags)
        # The name stays, since the CSV files have it: readers go by the content.
        _, data = cv2.imencode('.png' if mask else '.jpg', pixels)
        path.write_bytes(data.tobytes())
    return out


if __name__ == '__main__':
    main()
