"""Cost of a batch against the size of the data set.

    python benchmarks/sampler.py

Times the batch sampler's iterator for 27 tasks with 1,000 and with 1,000,000 images, side by side: the median over
batches, and the mean over two whole passes, in which every deck is shuffled.
"""

from __future__ import annotations

import argparse
import statistics
import time
from types import SimpleNamespace

import numpy as np

from aurora_mm.datasets.samplers import TaskAwareBatchSampler
from aurora_mm.tasks import TaskTable

TASKS = TaskTable(dict(name=f'task_{i}', type='detection', classes=['lesion']) for i in range(27))


def make(images: int, batch_size: int, num_batches: int | None = None) -> TaskAwareBatchSampler:
    parts = np.array_split(np.arange(images), len(TASKS))
    rows = dict(zip(TASKS, parts, strict=True))
    dataset = SimpleNamespace(tasks=TASKS, indices_by_task=lambda: rows)
    sampler = SimpleNamespace(dataset=dataset, seed=0, epoch=0)
    drawn = TaskAwareBatchSampler(sampler, batch_size, batches_of='all', num_batches=num_batches)
    drawn.set_progress({}, {})
    return drawn


def seconds_a_batch(sampler: TaskAwareBatchSampler) -> list[float]:
    times, batches = [], iter(sampler)
    while True:
        start = time.perf_counter()
        if next(batches, None) is None:
            return times
        times.append(time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--batch-size', type=int, default=16)
    parser.add_argument('--rounds', type=int, default=5)
    args = parser.parse_args()
    sizes = (1_000, 1_000_000)
    medians: dict[int, list[float]] = {size: [] for size in sizes}
    means: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(args.rounds):
        for size in sizes:  # alternating, so that whatever else the machine does meets both
            medians[size].append(statistics.median(seconds_a_batch(make(size, args.batch_size, num_batches=2_000))))
        for size in sizes:
            sampler = make(size, args.batch_size)
            repeats = sizes[1] // size if size < sizes[1] else 1
            start, batches = time.perf_counter(), 0
            for epoch in range(min(2 * repeats, 200)):
                sampler.sampler.epoch = epoch
                batches += sum(1 for _ in sampler)
            means[size].append((time.perf_counter() - start) / batches)
    for title, figures in (('median of a batch', medians), ('mean, shuffling and all', means)):
        small, large = (min(figures[size]) * 1e6 for size in sizes)
        print(f'{title}: {small:.1f} us with 1k images, {large:.1f} us with 1M, ratio {large / small:.2f}')


if __name__ == '__main__':
    main()
