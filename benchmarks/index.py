"""Time and memory of the index of a large data set: CSV rows, read, checked and held for the workers.

    python benchmarks/index.py --rows 100000 1000000

For each number of rows, a data root is generated whose rows are frames of clips, 1,000 a clip, with one class each and
a group. A new process loads it as training does. Seconds are of the processor. Memory is what the process has beyond
its imports: at most while it loads, and afterwards. Two workers, forked and spawned, then read 20,000 random rows each.
Their proportional set size (PSS), which counts shared pages in parts, is given beyond that of a worker without data.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import random
import resource
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aurora_mm.datasets import FMCUIADataset

_ROWS_OF_A_CLIP = 1000
_WORKERS = 2
_READ = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rows', type=int, nargs='+', default=[100_000, 1_000_000])
    parser.add_argument('--root', help=argparse.SUPPRESS)  # of the process that measures
    args = parser.parse_args()
    if args.root is not None:
        measure(args.root)
        return
    print(f'{"rows":>10s}{"load, s":>10s}{"peak, MB":>10s}{"held, MB":>10s}{"fork, MB":>10s}{"spawn, MB":>11s}')
    for rows in args.rows:
        with tempfile.TemporaryDirectory() as folder:
            generate(Path(folder), rows)
            subprocess.run([sys.executable, __file__, '--root', folder], check=True)


def generate(root: Path, rows: int) -> None:
    (root / 'clips').mkdir()
    (root / 'csv_files').mkdir()
    with (root / 'csv_files' / 'kind.csv').open('w') as file:
        file.write('task_id,task_name,num_classes,image_path,mask,group\n')
        for row in range(rows):
            clip, frame = divmod(row, _ROWS_OF_A_CLIP)
            name = f'clip_{clip:06d}.mp4'
            if not frame:
                (root / 'clips' / name).write_bytes(b'%d' % clip)
            file.write(f'kind,classification,4,../clips/{name}#frame={frame},{row % 4},patient_{clip // 5}\n')


def measure(root: str) -> None:
    before = resident()
    empty = {method: worker_memory(method, None) for method in ('fork', 'spawn')}
    start = time.process_time()
    dataset = FMCUIADataset(root, split='all')
    dataset.indices_by_task()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3 - before
    gc.collect()
    held = resident() - before
    workers = {method: worker_memory(method, dataset) - empty[method] for method in ('fork', 'spawn')}
    print(f'{len(dataset):10d}{seconds:10.1f}{peak:10.0f}{held:10.0f}{workers["fork"]:10.0f}{workers["spawn"]:11.0f}')


def worker_memory(method: str, dataset: Any) -> float:
    """The largest PSS of the workers in megabytes, all alive when it is taken."""
    context = multiprocessing.get_context(method)
    ends = [context.Pipe() for _ in range(_WORKERS)]
    workers = [context.Process(target=work, args=(dataset, end)) for _, end in ends]
    for worker in workers:
        worker.start()
    for ours, _ in ends:
        ours.recv()  # it has read its rows
    sizes = []
    for ours, _ in ends:
        ours.send(None)
        sizes.append(ours.recv())
    for (ours, _), worker in zip(ends, workers, strict=True):
        ours.send(None)
        worker.join()
    return max(sizes)


def work(dataset: Any, end: Connection) -> None:
    if dataset is not None:
        for _ in range(_READ):
            dataset.get_data_info(random.randrange(len(dataset)))
    end.send(None)
    end.recv()
    end.send(smaps('Pss'))
    end.recv()


def resident() -> float:
    return smaps('Rss')


def smaps(field: str) -> float:
    """A field of the kernel's sum over a process's mappings, in megabytes."""
    lines = Path('/proc/self/smaps_rollup').read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(f'{field}:')) / 1e3


if __name__ == '__main__':
    main()
