"""How long a training would take on more GPUs or more images: arithmetic from measurements, not a measurement.

    python benchmarks/projection.py
    python benchmarks/projection.py --step 0.1487 --batch 16 --gpus 1 8 64 --images 40388 10000000

Given: seconds of the encoder's forward and backward pass for a batch (benchmarks/encoder.py), and images a second that
one core prepares (benchmarks/data.py). Counted here: multiply-adds of the whole model for an image, the mean over its
tasks, against those of the encoder, and the gradients that ranks average, 4 bytes for each parameter.

Assumed: the other parts make as much of the GPU's peak as the encoder. A ring all-reduce moves 2 (n - 1) / n times the
gradients through each GPU, at --fast GB/s within a node of 8 GPUs and --slow GB/s between nodes. The first number of a
range hides that behind the backward pass, the second adds it to the step. Validation and checkpoints are not counted.
"""

from __future__ import annotations

import argparse
import math
from datetime import timedelta
from pathlib import Path
from statistics import fmean

from mmengine.config import Config

from aurora_mm.analysis.complexity import ModuleCost, model_cost
from aurora_mm.tables import markdown_table

_GPUS_OF_A_NODE = 8


def share_of_encoder(costs: list[ModuleCost]) -> float:
    """Return the encoder's part of the multiply-adds for an image with a label of one task, the mean over tasks."""
    heads = fmean(cost.macs for cost in costs if cost.part.startswith('head '))
    shared = sum(cost.macs for cost in costs if cost.part.startswith(('backbone ', 'detail ', 'neck ')))
    return costs[0].macs / (shared + heads)


def parameters(costs: list[ModuleCost]) -> float:
    """Return the number of parameters in millions; those of a head are counted once for its type."""
    of_heads = {cost.part.split(':')[0]: cost.params for cost in costs if cost.part.startswith(('head ', 'adapter '))}
    shared = sum(cost.params for cost in costs if not cost.part.startswith(('head ', 'adapter ')))
    return (shared + sum(of_heads.values())) / 1e6


def all_reduce_seconds(gpus: int, megabytes: float, fast: float, slow: float) -> float:
    """Return the time to average the gradients over the GPUs."""
    speed = fast if gpus <= _GPUS_OF_A_NODE else slow
    return 2 * (gpus - 1) / gpus * megabytes / 1000 / speed


def duration(seconds: float) -> str:
    """Format hours or days with two figures."""
    hours = seconds / 3600
    return f'{hours:.2g} h' if hours < 48 else f'{timedelta(hours=hours) / timedelta(days=1):.2g} days'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config', default=str(Path(__file__).parents[1] / 'configs/aurora_fmc_plus.py'))
    parser.add_argument('--step', type=float, default=0.1487, help='seconds of the encoder (default: 0.1487)')
    parser.add_argument('--batch', type=int, default=16, help='images of that step (default: 16)')
    parser.add_argument('--core', type=float, default=223, help='images a core prepares a second (default: 223)')
    parser.add_argument('--epochs', type=int, default=20, help='(default: 20)')
    parser.add_argument('--gpus', type=int, nargs='+', default=[1, 8, 64])
    parser.add_argument('--images', type=int, nargs='+', default=[40_388, 10_000_000])
    parser.add_argument('--fast', type=float, default=300, help='GB/s within a node (default: 300)')
    parser.add_argument('--slow', type=float, default=40, help='GB/s between nodes (default: 40)')
    parser.add_argument('--size', type=int, default=448, help='side of the input in pixels (default: 448)')
    args = parser.parse_args()
    costs = model_cost(Config.fromfile(args.config), (args.size, args.size))
    share, millions = share_of_encoder(costs), parameters(costs)
    step = args.step / share
    print(
        f'encoder: {share:.1%} of the multiply-adds; {millions:.0f} M parameters; step of {args.batch}: {step:.3f} s\n'
    )
    heads = ['GPUs', 'step, s', 'images / s', 'cores for data', *(f'{n:,} images x {args.epochs}' for n in args.images)]
    rows = []
    for gpus in args.gpus:
        steps = [step, step + all_reduce_seconds(gpus, 4 * millions, args.fast, args.slow)]
        rates = [args.batch * gpus / seconds for seconds in steps]
        times = [[math.ceil(n * args.epochs / (args.batch * gpus)) * seconds for seconds in steps] for n in args.images]
        cells = [
            _range([f'{seconds:.3f}' for seconds in steps]),
            _range([f'{rate:,.0f}' for rate in rates[::-1]]),
            _range([f'{math.ceil(rate / args.core)}' for rate in rates[::-1]]),
            *(_range([duration(seconds) for seconds in of_images]) for of_images in times),
        ]
        rows.append([str(gpus), *cells])
    print(markdown_table(heads, rows))


def _range(texts: list[str]) -> str:
    return texts[0] if texts[0] == texts[1] else ' to '.join(texts)


if __name__ == '__main__':
    main()
