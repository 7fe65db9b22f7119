"""A joint model beside specialists of one task each: their weights, and the time that all answers about an image take.

    OMP_NUM_THREADS=1 python benchmarks/specialists.py IMAGE_FOLDER JOINT.pth SPECIALIST.pth ... [--most 20]

The joint model and the specialists answer in turn, image by image, each from the file on, so that what else the machine
does falls on both alike; the ratio is taken within each turn. Specialists run one after the other.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
import torch

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.images.reading import images_in
from aurora_mm.tables import markdown_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('images', help='a folder')
    parser.add_argument('joint', help='a checkpoint')
    parser.add_argument('specialists', nargs='+', help='checkpoints that together know the same tasks')
    parser.add_argument('--most', type=int, default=20, help='images (default: 20)')
    parser.add_argument('--device')
    args = parser.parse_args()

    joint = [MultiTaskInferencer(args.joint, args.device)]
    specialists = [MultiTaskInferencer(file, args.device) for file in args.specialists]
    known = [name for each in specialists for name in each.tasks]
    if sorted(known) != sorted(joint[0].tasks):
        parser.error(f'the specialists know {", ".join(known)}, and the joint model {", ".join(joint[0].tasks)}')
    images = images_in(args.images)[: args.most]
    for models in (joint, specialists):
        seconds(models, images[0])  # what is only done once
    turns = np.array([[seconds(models, image) for models in (joint, specialists)] for image in images])
    low, middle, high = np.percentile(turns[:, 1] / turns[:, 0], [25, 50, 75])
    rows = [
        [label, weights(models), f'{1000 * np.median(times):.0f}', ratio]
        for label, models, times, ratio in (
            ('joint model', joint, turns[:, 0], '1'),
            (f'{len(specialists)} specialists', specialists, turns[:, 1], f'{middle:.2f} ({low:.2f} to {high:.2f})'),
        )
    ]
    print(markdown_table(['models', 'weights', 'file to all answers (ms)', 'ratio (quartiles)'], rows))


def weights(models: Sequence[MultiTaskInferencer]) -> str:
    """The number of weights of all models, in millions."""
    return f'{sum(p.numel() for each in models for p in each.model.parameters()) / 1e6:.1f} M'


def seconds(models: Sequence[MultiTaskInferencer], image: str) -> float:
    """Seconds until all models have answered for all of their tasks."""
    begun = time.perf_counter()
    for each in models:
        each(image, task='all')
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begun


if __name__ == '__main__':
    main()
