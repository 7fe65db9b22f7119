"""Training images a second: a config's own training against a plain loop, as the method's public code has it.

    python benchmarks/training.py --data-root DATA
    python benchmarks/training.py --data-root DATA --plain-configs configs/ablation/01_published.py --threads 1 2
    python benchmarks/training.py --device cuda --data-root DATA --compile        # ours alone, at full size
    python benchmarks/training.py --device cpu --preset tiny --size 128 --batch 4

Ours is the config's data loader with its workers and the model's training step. The plain loop takes one image a step
and updates every 16: each image is decoded, augmented by the config's pipeline, made a PIL image, put through
transformers' image processor (Qwen2VLImageProcessorPil, Qwen3-VL's on the CPU) and then through transformers'
Qwen3VLVisionModel of the same size, whose blocks' tokens are put back into raster order, all inside the step; all else
of the model, losses and optimiser are those of its config. Another loop, kinder than that code, leaves decoding and
augmentation to as many workers as ours has and runs only the processor in the step.

An image may carry labels of several tasks. A plain loop takes it once for each of them; ours takes it once for all
where the data set has all_labels=True. Images a second count what is encoded, labels a second what is learnt from.

All run in one process, in turns, the best of --repeats counts. Images and labels a second are of wall time; processor
time adds up all processes, so that other work on the machine hardly touches it. Ratios are the median over the rounds,
with their range.

With --device ours alone is measured there, by default with aurora_fmc_plus.py: images and labels a second; the share
of a step that is spent waiting for data (against steps with batches that are there already); on a GPU the share of its
dense peak that the encoder's operations make in a whole step, recomputed ones not counted; and the share of each kind
of operation in torch's profiler. Without --data-root it trains on generated images.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

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
from aurora_mm.datasets.samplers import TaskAwareBatchSampler
from aurora_mm.models.backbones import Qwen3VLBackbone
from aurora_mm.models.backbones.qwen3_vl_backbone import PRESETS
from aurora_mm.registry import MODELS

sys.path.insert(0, str(Path(__file__).parent))
import step_profile

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


class FromPatches(nn.Module):
    """A branch that reads images, given the processor's patches."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, inputs: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        """What the branch says of the image."""
        patches, grid = inputs
        _, h, w = grid[0].tolist()
        x = patches.view(h // 2, w // 2, 2, 2, 3, 2, 16, 16)[:, :, :, :, :, 0]  # both temporal slots are the image
        return self.branch(x.permute(4, 0, 2, 5, 1, 3, 6).reshape(1, 3, h * 16, w * 16))


class Turn(NamedTuple):
    """What a loop did when it was its turn, and the seconds that it took."""

    images: int
    labels: int
    wall: float
    processor: float


class Loop:
    """A training loop that can be run for some images at a time."""

    def __init__(self, cfg: Config, model: nn.Module) -> None:
        self.batch_size = cfg.train_dataloader.batch_size
        self.loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
        if isinstance(self.loader.batch_sampler, TaskAwareBatchSampler):
            self.loader.batch_sampler.set_progress({}, {})
        self.model = model.train()
        self.wrapper = build_optim_wrapper(self.model, cfg.optim_wrapper)
        self.wrapper.initialize_count_status(self.model, 0, 10**9)

    def run(self, images: int, warm: int) -> Turn:
        """Trains on some images; ``warm`` batches go first, untimed."""
        batches = self._batches()
        for _ in range(warm):
            self.model.train_step(next(batches), self.wrapper)
        steps, labels = max(images // self.batch_size, 1), 0
        wall, processor = time.perf_counter(), processor_time()
        for _ in range(steps):
            batch = next(batches)
            labels += sum(len(sample) for sample in batch['data_samples'])
            self.model.train_step(batch, self.wrapper)
        wall, processor = time.perf_counter() - wall, processor_time() - processor
        batches.close()  # ends its workers
        return Turn(steps * self.batch_size, labels, wall, processor)

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
    cfg.train_dataloader.dataset.pop('all_labels', None)  # an image for each label
    cfg.train_dataloader.update(batch_size=1, num_workers=workers)
    cfg.train_dataloader.batch_sampler.update(batches_of='task', num_batches=10_000)
    cfg.optim_wrapper.accumulative_counts = ACCUMULATED
    model = MODELS.build(cfg.model)
    model.data_preprocessor = ProcessorInStep()
    model.backbone = TransformersEncoder(model.backbone)
    if getattr(model, 'detail', None) is not None:
        model.detail = FromPatches(model.detail)
    return Loop(cfg, model)


def machine() -> str:
    names = [
        line.split(':')[1].strip() for line in Path('/proc/cpuinfo').read_text().splitlines() if 'model name' in line
    ]
    load = ', '.join(f'{value:.1f}' for value in os.getloadavg())
    return f'{names[0] if names else platform.machine()}, {os.cpu_count()} cores; load before the start {load}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config', help='default: aurora_us_real.py; with --device aurora_fmc_plus.py')
    parser.add_argument('--plain-configs', nargs='+', metavar='CONFIG', help='of the plain loops (default: --config)')
    parser.add_argument('--data-root', help="root of the data (default: the configs')")
    parser.add_argument('--steps', type=int, default=25, help='of ours in a round; the others take as many images')
    parser.add_argument('--repeats', type=int, default=5, help='rounds')
    parser.add_argument('--threads', type=int, nargs='+', default=[1], help='of the training process')
    device = parser.add_argument_group("with --device, which measures a config's training alone")
    device.add_argument('--device', choices=['cpu', 'cuda'])
    device.add_argument('--preset', choices=PRESETS, help="the encoder's size (default: the config's)")
    device.add_argument('--size', type=int, help="height and width of the images (default: the config's)")
    device.add_argument('--batch', type=int, help="(default: the config's)")
    device.add_argument('--workers', type=int, help="of the data loader (default: the config's)")
    device.add_argument('--warm', type=int, default=3, help='steps before the clock starts')
    device.add_argument('--compile', action='store_true', help='compile the blocks of the encoder')
    device.add_argument('--channels-last', action='store_true', help='lay maps out so')
    device.add_argument('--peak-tflops', type=float, help="the GPU's dense bfloat16 peak (default: by its name)")
    device.add_argument('--json', help='a file for the figures')
    args = parser.parse_args()
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('torch finds no CUDA device')
    args.config = args.config or str(REPO / 'configs' / ('aurora_fmc_plus.py' if args.device else 'aurora_us_real.py'))

    init_default_scope('aurora_mm')
    MMLogger.get_instance('benchmark', log_level='WARNING')
    cv2.setNumThreads(0)  # as the configs have it
    torch.manual_seed(0)
    print(machine())
    if args.device:
        torch.set_num_threads(args.threads[0])
        step_profile.run(args)
        return
    cfg = resolve_config(Config.fromfile(args.config), args.data_root, 'none')
    workers = cfg.train_dataloader.num_workers
    ours = f'ours, {Path(args.config).stem}'
    loops = {ours: our_loop(cfg)}
    for file in args.plain_configs or [args.config]:
        plain = resolve_config(Config.fromfile(file), args.data_root, 'none')
        loops[f'plain, {Path(file).stem}'] = plain_loop(plain, 0)
        loops[f'plain, {Path(file).stem}, {workers} workers decode'] = plain_loop(plain, workers)
    images = args.steps * loops[ours].batch_size
    print(f'{args.repeats} rounds of {images} images on each side; ours with {workers} workers\n')
    heads = ('threads', 'loop', 'images / s', 'labels / s', 'processor ms an image', 'a label')
    print('| ' + ' | '.join([*heads, 'ours / it, images / s', 'labels / s']) + ' |')
    print('|---|---|---|---|---|---|---|---|')
    for threads in args.threads:
        torch.set_num_threads(threads)
        turns: dict[str, list[Turn]] = {name: [] for name in loops}
        for _ in range(args.repeats):
            for name, loop in loops.items():
                turns[name].append(loop.run(images, warm=max(16 // loop.batch_size, 4)))
        for name, its in turns.items():
            cells = [
                f'{max(t.images / t.wall for t in its):.1f}',
                f'{max(t.labels / t.wall for t in its):.1f}',
                f'{1000 * min(t.processor / t.images for t in its):.0f}',
                f'{1000 * min(t.processor / t.labels for t in its):.0f}',
            ]
            pairs = list(zip(turns[ours], its, strict=True))
            by_image = [own.images / own.wall * t.wall / t.images for own, t in pairs]
            by_label = [own.labels / own.wall * t.wall / t.labels for own, t in pairs]
            cells += ['', ''] if name == ours else [spread(by_image), spread(by_label)]
            print(f'| {threads} | {name} | ' + ' | '.join(cells) + ' |', flush=True)


def spread(values: list[float]) -> str:
    return f'{median(values):.2f} ({min(values):.2f} to {max(values):.2f})'


if __name__ == '__main__':
    main()
