"""What checksums and safe writing of a checkpoint cost.

    python benchmarks/checkpoint_files.py --megabytes 400

Writes a checkpoint of random weights three times each way, and reads it, and prints the medians. The files are in the
page cache when they are read.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from aurora_mm.apis import read_checkpoint, write_checkpoint
from aurora_mm.checkpoints.sealing import checksum


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--megabytes', type=int, default=400, help='of weights (default: %(default)s)')
    parser.add_argument('--repeats', type=int, default=3)
    args = parser.parse_args()
    count = max(args.megabytes // 4, 1)
    state = {f'blocks.{i}.weight': torch.rand(1000, 1000) for i in range(count)}
    tasks = [dict(name='a', type='detection', classes=['x'])]
    checkpoint = dict(meta=dict(dataset_meta=dict(tasks=tasks)), state_dict=state)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'a.pth'
        rows: dict[str, Callable[[], object]] = {
            'checksums alone': lambda: checksum(state),
            'torch.save': lambda: torch.save(checkpoint, file),
            'write_checkpoint (checksums, flushed to the disk)': lambda: write_checkpoint(file, checkpoint),
            'torch.load into memory': lambda: torch.load(file),
            'read_checkpoint (checksums compared)': lambda: read_checkpoint(file),
            'read_checkpoint of tasks and config alone': lambda: read_checkpoint(file, keys=()),
        }
        print(f'{args.megabytes} MB of weights in {count} tensors, {torch.get_num_threads()} threads')
        for name, run in rows.items():
            print(f'{median(_seconds(run) for _ in range(args.repeats)):7.2f} s  {name}')


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == '__main__':
    main()
