"""From a file to its prediction at batch 1, beside what cannot be saved: reading the file and the bare forward pass.

    OMP_NUM_THREADS=1 python benchmarks/inference.py CHECKPOINT IMAGE_FOLDER [--repeats 5]

The three are timed in turn, image by image, so that what else the machine does falls on all of them alike; the ratio is
taken within each turn. The forward pass is the model's own on one prepared image, with raw outputs of the heads.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.apis.row_loader import RowLoader
from aurora_mm.images.reading import images_in, read_image
from aurora_mm.tables import markdown_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint')
    parser.add_argument('images', help='a folder')
    parser.add_argument('--repeats', type=int, default=5, help='turns of each image (default: 5)')
    parser.add_argument('--most', type=int, default=20, help='images (default: 20)')
    parser.add_argument('--device')
    args = parser.parse_args()

    inferencer = MultiTaskInferencer(args.checkpoint, args.device)
    images = images_in(args.images)[: args.most]
    by_type = {task.type: task.name for task in inferencer.tasks.values()}
    rows = []
    for label, asked in [*by_type.items(), ('all tasks', 'all')]:
        forward = prepared_forward(inferencer, images[0], asked)
        inferencer(images[0], task=asked)  # what is only done once
        turns = np.array([turn(inferencer, image, asked, forward) for _ in range(args.repeats) for image in images])
        ratios = turns[:, 2] / turns[:, :2].sum(1)
        low, middle, high = np.percentile(ratios, [25, 50, 75])
        times = [f'{1000 * value:.1f}' for value in np.median(turns, axis=0)]
        rows.append([label, *times, f'{middle:.2f} ({low:.2f} to {high:.2f})'])
    print(markdown_table(['task', 'read (ms)', 'forward (ms)', 'file to prediction (ms)', 'ratio (quartiles)'], rows))


def prepared_forward(inferencer: MultiTaskInferencer, image: str, asked: str) -> Callable[[], object]:
    """The bare forward pass of one image for the tasks that are asked."""
    rows = inferencer.preprocess([image], task=asked)
    ((_, item),) = RowLoader(inferencer.pipeline, inferencer.tasks).load(rows)
    data = inferencer.model.data_preprocessor(inferencer.collate_fn([item]))
    return lambda: inferencer.model(data['inputs'], data['data_samples'], mode='tensor')


@torch.no_grad()
def turn(inferencer: MultiTaskInferencer, image: str, asked: str, forward: Callable[[], object]) -> list[float]:
    """Seconds of reading, of the forward pass, and of both with all that is around them."""
    return [
        seconds(lambda: read_image(image)),
        seconds(forward),
        seconds(lambda: inferencer(image, task=asked)),
    ]


def seconds(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begun


if __name__ == '__main__':
    main()
