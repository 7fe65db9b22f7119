"""Training images a second: a config's own training against a plain loop, as the method's public code has it.

    python benchmarks/training.py --data-root DATA
    python benchmarks/training.py --data-root DATA --plain-config configs/ablation/published.py --threads 1 2

Ours is the config's data loader with its workers and the model's training step. The plain loop takes one image a step
and updates every 16: each image is decoded, augmented by the config's pipeline, made a PIL image, put through
transformers' image processor (Qwen2VLImageProcessorPil, Qwen3-VL's on the CPU) and then through transformers'
Qwen3VLVisionModel of the same size, whose blocks' tokens are put back into raster order, all inside the step; neck,
heads, losses and optimiser are those of --plain-config. A third loop, kinder than that code, leaves decoding and
augmentation to as many workers as ours has and runs only the processor in the step.

All run in one process, in turns. Images a second are of wall time, workers on other cores included in what is waited
for; processor time adds up all processes, which other work on the machine hardly touches. Both are the best of
--repeats; the ratio of images a second is the median over the rounds, with its range.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import cv2
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.model import BaseDataPreprocessor
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from PIL import Image
from torch import Tensor, nn
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionModel

from aurora_mm.apis import resolve_config
from aurora_mm.models.backbones import Qwen3VLBackbone
from aurora_mm.registry import MODELS

REPO = Path(__file__).resolve().parents[1]
ACCUMULATED = 16


class ProcessorInStep(BaseDataPreprocessor):
    """transformers' image processor, image by image, in the place of a normalisation on the device."""

    def __init__(self) -> None:
        super().__init__()
        # As in Qwen3-VL's preprocessor_config.json; the images have the network's size already.
        self.processor = Qwen2VLImageProcessorPil(patch_size=16, image_mean=[0.5] * 3, image_std=[0.5] * 3)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Flat patches ``(N, 3 * 2 * 16 * 16)`` of the one image, with its grid in ``(rows, columns)`` of patches."""
        (image,), samples = data['inputs'], data['data_samples']  # (3, h, w) uint8 BGR
        picture = Image.fromarray(image.flip(0).permute(1, 2, 0).contiguous().numpy())
        out = self.processor(images=picture, return_tensors='pt')
        return dict(inputs=(out['pixel_values'], out['image_grid_thw']), data_samples=samples)


class TransformersEncoder(nn.Module):
    """transformers' vision model, whose tapped blocks' outputs are caught and become maps."""

    def __init__(self, like: Qwen3VLBackbone) -> None:
        super().__init__()
        self.model = Qwen3VLVisionModel(like.config)
        self.outputs: list[Tensor] = []
        for i in like.out_indices:
            self.model.blocks[i].register_forward_hook(lambda _module, _args, out: self.outputs.append(out))

    def forward(self, inputs: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        """One ``(1, C, H, W)`` map a tap."""
        patches, grid = inputs
        _, h, w = grid[0].tolist()
        self.outputs.clear()
        self.model(patches, grid_thw=grid)
        blocks = (tokens.view(1, h // 2, w // 2, 2, 2, -1) for tokens in self.outputs)  # 2 x 2 merge blocks
        return tuple(x.permute(0, 5, 1, 3, 2, 4).reshape(1, -1, h, w) for x in blocks)


class Loop:
    """A training loop that can be run for some images at a time."""

    def __init__(self, cfg: Config, model: nn.Module) -> None:
        self.batch_size = cfg.train_dataloader.batch_size
        self.loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
        self.model = model.train()
        self.wrapper = build_optim_wrapper(self.model, cfg.optim_wrapper)
        self.wrapper.initialize_count_status(self.model, 0, 10**9)

    def run(self, images: int, warm: int) -> tuple[float, float]:
        """Seconds of wall time and of processor time that an image takes; ``warm`` batches go first, untimed."""
        batches = self._batches()
        for _ in range(warm):
            self.model.train_step(next(batches), self.wrapper)
        steps = max(images // self.batch_size, 1)
        wall, processor = time.perf_counter(), processor_time()
        for _ in range(steps):
            self.model.train_step(next(batches), self.wrapper)
        wall, processor = time.perf_counter() - wall, processor_time() - processor
        batches.close()  # ends its workers
        return wall / (steps * self.batch_size), processor / (steps * self.batch_size)

    def _batches(self) -> Iterator[dict]:
        while True:
            yield from self.loader


def processor_time() -> float:
    """Seconds of processor time so far, of this process and its workers."""
    # Linux numbers the clock of a process so.
    workers = sum(time.clock_gettime((~child.pid << 3) | 2) for child in multiprocessing.active_children())
    return time.process_time() + workers


def our_loop(cfg: Config) -> Loop:
    return Loop(cfg, MODELS.build(cfg.model))


def plain_loop(cfg: Config, workers: int) -> Loop:
    cfg = cfg.copy()
    cfg.train_dataloader.update(batch_size=1, num_workers=workers)
    cfg.train_dataloader.batch_sampler.update(batches_of='task', num_batches=10_000)
    cfg.optim_wrapper.accumulative_counts = ACCUMULATED
    model = MODELS.build(cfg.model)
    model.data_preprocessor = ProcessorInStep()
    model.backbone = TransformersEncoder(model.backbone)
    return Loop(cfg, model)


def machine() -> str:
    names = [
        line.split(':')[1].strip() for line in Path('/proc/cpuinfo').read_text().splitlines() if 'model name' in line
    ]
    load = ', '.join(f'{value:.1f}' for value in os.getloadavg())
    return f'{names[0] if names else platform.machine()}, {os.cpu_count()} cores; load before the start {load}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config', default=str(REPO / 'configs' / 'aurora_us_real.py'))
    parser.add_argument('--plain-config', help="neck, heads and optimiser of the plain loops (default: --config's)")
    parser.add_argument('--data-root', help="root of the data (default: the configs')")
    parser.add_argument('--steps', type=int, default=25, help='of ours in a round; the others take as many images')
    parser.add_argument('--repeats', type=int, default=5, help='rounds')
    parser.add_argument('--threads', type=int, nargs='+', default=[1], help='of the training process')
    args = parser.parse_args()

    init_default_scope('aurora_mm')
    MMLogger.get_instance('benchmark', log_level='WARNING')
    cv2.setNumThreads(0)  # as the configs have it
    torch.manual_seed(0)
    print(machine())
    cfg, plain = (
        resolve_config(Config.fromfile(file), args.data_root, 'none')
        for file in (args.config, args.plain_config or args.config)
    )
    workers = cfg.train_dataloader.num_workers
    loops = {
        'ours': our_loop(cfg),
        'plain': plain_loop(plain, 0),
        f'plain, {workers} workers decode': plain_loop(plain, workers),
    }
    images = args.steps * loops['ours'].batch_size
    print(f'{args.repeats} rounds of {images} images on each side; ours with {workers} workers\n')
    print('| threads | loop | images / s | processor ms an image | ours / it, images / s | ours / it, processor time |')
    print('|---|---|---|---|---|---|')
    for threads in args.threads:
        torch.set_num_threads(threads)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in loops}
        for _ in range(args.repeats):
            for name, loop in loops.items():
                taken[name].append(loop.run(images, warm=max(16 // loop.batch_size, 4)))
        for name, times in taken.items():
            wall, processor = (min(values) for values in zip(*times, strict=True))
            ratios = [its[0] / ours[0] for its, ours in zip(times, taken['ours'], strict=True)]
            cells = [f'{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})']
            cells.append(f'{processor / min(own for _, own in taken["ours"]):.2f}')
            cells = ['', ''] if name == 'ours' else cells
            print(
                f'| {threads} | {name} | {1 / wall:.1f} | {1000 * processor:.0f} | {cells[0]} | {cells[1]} |',
                flush=True,
            )


if __name__ == '__main__':
    main()
