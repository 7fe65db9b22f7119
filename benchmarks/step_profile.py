"""A config's training steps on one device: how fast, how much of it waiting for data, where the time goes.

`benchmarks/training.py --device` calls this module; see there.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.profiler import ProfilerActivity, profile

from aurora_mm.apis import resolve_config
from aurora_mm.config_variables import set_image_size
from aurora_mm.phantoms import make_dataset
from aurora_mm.registry import MODELS
from aurora_mm.tasks import TaskTable

sys.path.insert(0, str(Path(__file__).parent))
from encoder import dense_peak, flops, wait

# Parts of the names of torch's operations; the first group that fits counts.
CATEGORIES = {
    # Before the others: Inductor's names of kernels list what was fused.
    'compiled kernels': ('triton', 'inductor', 'compiled', 'cpp_fused'),
    'optimiser': ('adam', 'sgd', 'adafactor', 'lerp', 'foreach_norm'),
    'attention': ('scaled_dot_product', 'attention'),
    'resizing': ('upsample', 'interpolate', 'pool', 'grid_sampl'),
    'matrix products': ('mm', 'linear', 'matmul'),
    'convolutions': ('conv',),
    'norms': ('norm',),
    'copies, casts and concatenations': ('copy', 'clone', 'cat', 'stack', 'fill', 'zero', 'contiguous'),
}
# Whole words in such a name.
ELEMENT_WISE = {
    *('add', 'addcmul', 'addcdiv', 'sub', 'rsub', 'mul', 'div', 'pow', 'sqrt', 'rsqrt', 'exp', 'log', 'abs', 'neg'),
    *('sigmoid', 'tanh', 'gelu', 'silu', 'relu', 'softplus', 'softmax', 'dropout', 'bernoulli', 'native', 'loss'),
    *('sum', 'mean', 'max', 'min', 'amax', 'where', 'clamp', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'isfinite', 'flip'),
}


def category_of(name: str) -> str:
    """Where the time of an operation of torch's profiler counts."""
    name = name.lower()
    found = next((key for key, parts in CATEGORIES.items() if any(part in name for part in parts)), None)
    words = set(re.findall('[a-z]+', name.rpartition('::')[2]))
    return found or ('element-wise' if words & ELEMENT_WISE else 'everything else')


def load_config(args: argparse.Namespace, data_root: str) -> Config:
    """The config as it is trained, at the size and with the batch that are asked for; weights are random."""
    cfg = Config.fromfile(args.config)
    if args.preset:
        cfg.model.backbone.preset = args.preset
    resolve_config(cfg, data_root, 'none')
    if args.size:
        set_image_size(cfg, args.size)
    if args.compile:
        cfg.model.backbone.compile_blocks = True
    cfg.model.channels_last = args.channels_last
    if args.batch:
        cfg.train_dataloader.batch_size = args.batch
    if args.workers is not None:
        cfg.train_dataloader.num_workers = args.workers
    cfg.train_dataloader.batch_sampler.num_batches = 10_000
    return cfg


def measure(args: argparse.Namespace, cfg: Config) -> Iterator[dict]:
    """Figures of one config on ``args.device``, more each time.

    First of steps whose batches are there already, then of steps with the data loader, then with the profile of the
    operations.
    """
    model = MODELS.build(cfg.model).train().to(args.device)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    loader.batch_sampler.set_progress({}, {})
    batches = iter(loader)

    def run(source: Iterator[dict], steps: int) -> tuple[float, float, int]:
        """Seconds of some steps, seconds of them that the host waited for data, and labels learnt from."""
        waited, labels = 0.0, 0
        wait(args)
        start = time.perf_counter()
        for _ in range(steps):
            asked = time.perf_counter()
            batch = next(source)
            waited += time.perf_counter() - asked
            labels += sum(len(sample) for sample in batch['data_samples'])
            model.train_step(batch, wrapper)
        wait(args)
        return time.perf_counter() - start, waited, labels

    kept = [next(batches) for _ in range(4)]
    run(itertools.cycle(kept), args.warm)
    alone, _, _ = run(itertools.cycle(kept), args.steps)  # with batches that are there already
    size, batch_size = cfg.img_size, cfg.train_dataloader.batch_size
    figures = dict(
        device=torch.cuda.get_device_name() if args.device == 'cuda' else 'CPU, one thread',
        config=Path(args.config).stem,
        encoder=str(args.preset or cfg.model.backbone.preset),
        size=size,
        batch=batch_size,
        workers=cfg.train_dataloader.num_workers,
        recomputed=str(cfg.model.backbone.get('with_cp', False)),
        compiled=args.compile,
        channels_last=args.channels_last,
        step_without_loading_s=alone / args.steps,
    )
    yield figures
    run(batches, args.warm)
    total, waited, labels = run(batches, args.steps)
    figures = figures | dict(
        step_s=total / args.steps,
        images_per_s=args.steps * batch_size / total,
        labels_per_s=labels / total,
        waiting_for_data=max(0.0, 1 - alone / total),
        host_waited_for_data=waited / total,
    )
    args.dtype = 'autocast'
    peak = dense_peak(args)
    if peak:
        figures['of_dense_peak'] = (
            flops(args.preset or '8b', size, True) * batch_size / (total / args.steps) / peak / 1e12
        )
    if args.device == 'cuda':
        figures['memory_gb'] = torch.cuda.max_memory_allocated() / 1e9
    yield figures
    yield figures | dict(time_by_category=by_category(args, model, wrapper, itertools.cycle(kept)))


def by_category(
    args: argparse.Namespace, model: nn.Module, wrapper: object, batches: Iterator[dict]
) -> dict[str, float]:
    """The share of each kind of operation in the time of two steps, on the GPU if there is one, else on the CPU."""
    gpu = args.device == 'cuda'
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if gpu else [])]) as profiler:
        for _ in range(2):
            model.train_step(next(batches), wrapper)
        wait(args)
    times: dict[str, float] = {}
    for event in profiler.key_averages():
        spent = event.self_device_time_total if gpu else event.self_cpu_time_total
        if gpu and event.device_type != torch.autograd.DeviceType.CPU:
            continue  # a kernel, whose time its operation has already
        times[category_of(event.key)] = times.get(category_of(event.key), 0.0) + spent
    total = sum(times.values())
    return {name: spent / total for name, spent in sorted(times.items(), key=lambda item: -item[1])}


def table(figures: dict) -> str:
    """The figures as markdown."""
    shares = ('waiting_for_data', 'host_waited_for_data', 'of_dense_peak')
    lines = ['| what | value |', '|---|---|']
    for name, value in figures.items():
        if name != 'time_by_category':
            text = f'{value:.1%}' if name in shares else f'{value:.4g}' if isinstance(value, float) else value
            lines.append(f'| {name.replace("_", " ")} | {text} |')
    if 'time_by_category' in figures:
        lines += ['', '| operations | share of the time |', '|---|---|']
        lines += [f'| {name} | {share:.1%} |' for name, share in figures['time_by_category'].items()]
    return '\n'.join(lines)


def run(args: argparse.Namespace) -> None:
    """Measures, prints and, with ``--json``, writes the figures, those without the profile first."""
    with tempfile.TemporaryDirectory() as folder:
        root = args.data_root
        if root is None:
            root = str(Path(folder) / 'data')
            make_dataset(Path(root), TaskTable(Config.fromfile(args.config).tasks), 8, val_images_per_task=1)
        figures: dict = {}
        try:
            for figures in measure(args, load_config(args, root)):
                if args.json:
                    Path(args.json).write_text(json.dumps(figures, indent=2))
        finally:
            if figures:
                print(table(figures), flush=True)
