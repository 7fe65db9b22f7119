"""Processor time of the training of a joint model, beside that of specialists of one task each on as many images.

    OMP_NUM_THREADS=1 python benchmarks/specialists_training.py configs/aurora_laptop.py --data-root DATA [--rounds 3]

The joint training and those of the specialists take their turns, each with its data loader and its workers, so that
what else the machine does falls on all alike. A specialist is the config on one task with 3 images a batch. Seconds an
image, the best of the rounds, times the images of the schedule give the whole; validation is not counted. Specialists
together see as many images as the joint model.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from aurora_mm.apis import resolve_config
from aurora_mm.tables import markdown_table

sys.path.insert(0, str(Path(__file__).parent))
from training import Loop, machine, our_loop

BATCH_OF_A_SPECIALIST = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--data-root', required=True)
    parser.add_argument('--images', type=int, default=96, help='of each training in a round')
    parser.add_argument('--rounds', type=int, default=3)
    args = parser.parse_args()
    init_default_scope('aurora_mm')
    MMLogger.get_instance('benchmark', log_level='ERROR')
    cv2.setNumThreads(0)  # as the configs have it
    torch.manual_seed(0)
    print(machine())

    joint = resolve_config(Config.fromfile(args.config), args.data_root)
    loader = joint.train_dataloader
    images = joint.train_cfg.max_epochs * loader.batch_sampler.num_batches * loader.batch_size
    loops = {'joint': our_loop(joint)}
    for task in joint.tasks:
        alone = Config.fromfile(args.config)
        alone.train_dataloader.batch_size = BATCH_OF_A_SPECIALIST
        loops[task['name']] = our_loop(resolve_config(alone, args.data_root, include=[task['name']]))
    least = dict.fromkeys(loops, float('inf'))
    for _ in range(args.rounds):
        for name, loop in loops.items():
            least[name] = min(least[name], seconds_an_image(loop, args.images))

    rows = [[name, f'{1000 * seconds:.0f}'] for name, seconds in least.items()]
    print(markdown_table(['training', 'processor time an image (ms)'], rows))
    alone = [seconds for name, seconds in least.items() if name != 'joint']
    whole = [images * least['joint'] / 60, images * sum(alone) / len(alone) / 60]
    print(
        f'\n{images} images: {whole[0]:.1f} minutes of processor time for the joint model, {whole[1]:.1f} for '
        f'{len(alone)} specialists, ratio {whole[1] / whole[0]:.2f}'
    )


def seconds_an_image(loop: Loop, images: int) -> float:
    """Seconds of processor time, of the training process and its workers."""
    turn = loop.run(images, warm=3)
    return turn.processor / turn.images


if __name__ == '__main__':
    main()
