"""Time and memory of the index of a large data set: CSV rows, read, checked, cached and held for the workers.

    python benchmarks/index.py --rows 100000 1000000
    python benchmarks/index.py --rows 100000 --kind segmentation --rows-per-file 1
    python benchmarks/index.py --rows 10000000 --spacings 500

For each number of rows, a data root is generated. Its rows are frames of clips, 1,000 a clip, with one class each and a
group; with --rows-per-file 1, each row has an image file of its own. With --spacings N, each row has a pixel spacing
too, one of N. New processes load it as training does: from the CSV files, and then from the cache that the first one
wrote. Seconds are of the processor. Memory is what the process has beyond its imports at most while it loads, and what
it and two workers have in all afterwards, when each worker has read 20,000 random rows: the sum of their proportional
set sizes (PSS), in which a shared page counts once, beyond that of processes without data. Workers are forked, or
spawned with --start-method spawn.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
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

_WORKERS = 2
_READ = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rows', type=int, nargs='+', default=[100_000, 1_000_000])
    parser.add_argument('--kind', choices=('classification', 'segmentation'), default='classification')
    parser.add_argument('--rows-per-file', type=int, default=1000)
    parser.add_argument('--spacings', type=int, default=0, metavar='N', help='fill pixel_spacing with N values')
    parser.add_argument('--start-method', choices=('fork', 'spawn'), default='fork')
    parser.add_argument('--folder', help='where data is generated, for a while; that of temporary files by default')
    parser.add_argument('--measure', nargs=2, help=argparse.SUPPRESS)  # the data root and the cache
    args = parser.parse_args()
    if args.measure is not None:
        print(' | '.join(['', args.kind, *measure(*args.measure, args.start_method), '']).strip())
        return
    print('| task | rows | index from | seconds | most memory while loading | in all with 2 workers |')
    print('|---|---|---|---|---|---|', flush=True)
    for rows in args.rows:
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            generate(Path(folder), rows, args.kind, args.rows_per_file, args.spacings)
            for _ in range(2):
                options = ['--kind', args.kind, '--start-method', args.start_method]
                command = [sys.executable, __file__, *options, '--measure', folder, f'{folder}/cache']
                subprocess.run(command, check=True)


def generate(root: Path, rows: int, kind: str = 'classification', rows_per_file: int = 1000, spacings: int = 0) -> None:
    (root / 'files').mkdir()
    (root / 'csv_files').mkdir()
    label = 'mask' if kind == 'classification' else 'mask_path'
    with (root / 'csv_files' / 'rows.csv').open('w') as file:
        file.write(f'task_id,task_name,num_classes,image_path,{label},group{",pixel_spacing" if spacings else ""}\n')
        for row in range(rows):
            number, frame = divmod(row, rows_per_file)
            name = f'{number:08d}.mp4' if rows_per_file > 1 else f'{number:08d}.png'
            if not frame:
                (root / 'files' / name).write_bytes(b'%d' % number)
            source = f'{name}#frame={frame}' if rows_per_file > 1 else name
            answer = row % 4 if kind == 'classification' else f'../files/{name}'
            spacing = f',"[{0.05 + number % spacings / 1e4:.4f}, 0.0771]"' if spacings else ''
            file.write(f'task,{kind},4,../files/{source},{answer},patient_{row // 5000}{spacing}\n')
    recent = time.time_ns() - 10**10  # files that have just changed are not cached
    for path in (root / 'files', root / 'csv_files' / 'rows.csv'):
        os.utime(path, ns=(recent, recent))


def measure(root: str, cache: str, method: str) -> list[str]:
    source = 'the cache' if Path(cache).exists() else 'CSV files'
    FMCUIADataset(root, split='all', lazy_init=True)
    before = smaps('Rss')
    empty = memory_in_all(method, None)
    start = time.process_time()
    dataset = FMCUIADataset(root, split='all', index_cache=cache)
    dataset.indices_by_task()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3 - before
    gc.collect()
    gigabytes = [f'{size / 1e3:.2f} GB' for size in (peak, memory_in_all(method, dataset) - empty)]
    return [f'{len(dataset):,}', source, f'{seconds:.1f}', *gigabytes]


def memory_in_all(method: str, dataset: Any) -> float:
    """The PSS of this process and its workers in megabytes, all alive when it is taken."""
    context = multiprocessing.get_context(method)
    ends = [context.Pipe() for _ in range(_WORKERS)]
    workers = [context.Process(target=work, args=(dataset, end)) for _, end in ends]
    for worker in workers:
        worker.start()
    for ours, _ in ends:
        ours.recv()  # it has read its rows
    sizes = [smaps('Pss')]
    for ours, _ in ends:
        ours.send(None)
        sizes.append(ours.recv())
    for (ours, _), worker in zip(ends, workers, strict=True):
        ours.send(None)
        worker.join()
    return sum(sizes)


def work(dataset: Any, end: Connection) -> None:
    if dataset is not None:
        for _ in range(_READ):
            dataset.get_data_info(random.randrange(len(dataset)))
    end.send(None)
    end.recv()
    end.send(smaps('Pss'))
    end.recv()


def smaps(field: str) -> float:
    """A field of the kernel's sum over a process's mappings, in megabytes."""
    lines = Path('/proc/self/smaps_rollup').read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(f'{field}:')) / 1e3


if __name__ == '__main__':
    main()
