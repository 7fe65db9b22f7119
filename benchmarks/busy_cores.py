"""Training images a second of one run and of several on the same cores, by how OpenMP's threads wait.

    python benchmarks/busy_cores.py configs/aurora_laptop.py --data-root DATA [--runs 1 2] [--rounds 3]

OpenMP's threads by default keep a core busy for a while when they wait for work. The command line lets them sleep
(OMP_WAIT_POLICY=PASSIVE). The runs of a turn are processes that begin together, each with its data loader; what counts
is the slowest of them. The three ways take their turns, so that what else the machine does falls on all alike.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

WAYS = {
    "OpenMP's default": {},
    'threads that sleep, as the command line has it': dict(OMP_WAIT_POLICY='PASSIVE'),
    'one thread a run': dict(OMP_NUM_THREADS='1'),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--data-root', required=True)
    parser.add_argument('--images', type=int, default=48, help='of each run in a turn')
    parser.add_argument('--runs', type=int, nargs='+', default=[1, 2], help='numbers of runs side by side')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--one-run', action='store_true', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one_run:
        train(args.config, args.data_root, args.images)
        return

    from training import machine

    from aurora_mm.tables import markdown_table

    print(machine())
    rows = []
    for runs in args.runs:
        turns: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(args.rounds):
            for way, variables in WAYS.items():
                turns[way].append(images_a_second(args, runs, variables))
        least = turns[next(iter(WAYS))]
        for way, values in turns.items():
            ratios = [value / base for value, base in zip(values, least, strict=True)]
            spread = f'{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})'
            rows.append([str(runs), way, f'{median(values):.2f}', spread])
    print(markdown_table(['runs', 'threads', 'images / s of the slowest run', 'ratio (range)'], rows))


def images_a_second(args: argparse.Namespace, runs: int, variables: dict[str, str]) -> float:
    """Images a second of the slowest of some runs that begin together."""
    command = [sys.executable, __file__, args.config, '--data-root', args.data_root, '--images', str(args.images)]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(('OMP_', 'GOMP_'))}
    processes = [
        subprocess.Popen(
            [*command, '--one-run'], env=inherited | variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(runs)
    ]
    for process in processes:
        process.stdout.readline()  # it is ready
    for process in processes:
        process.stdin.write('go\n')
        process.stdin.flush()
    return min(float(process.communicate()[0]) for process in processes)


def train(config: str, data_root: str, images: int) -> None:
    """Say that this run is ready, wait for a line, and print the images a second of some training steps."""
    import cv2
    import torch
    from mmengine.config import Config
    from mmengine.logging import MMLogger
    from mmengine.registry import init_default_scope
    from training import our_loop

    from aurora_mm.apis import resolve_config

    init_default_scope('aurora_mm')
    MMLogger.get_instance('benchmark', log_level='ERROR')
    cv2.setNumThreads(0)  # as the configs have it
    torch.manual_seed(0)
    loop = our_loop(resolve_config(Config.fromfile(config), data_root))
    print('ready', flush=True)
    sys.stdin.readline()
    turn = loop.run(images, warm=2)
    print(turn.images / turn.wall)


if __name__ == '__main__':
    main()
