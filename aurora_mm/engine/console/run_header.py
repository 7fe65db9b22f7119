"""The header of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.optim import AmpOptimWrapper
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import Dataset

from aurora_mm.datasets.task_dataset_wrapper import TaskDatasetWrapper
from aurora_mm.models.utils.unwrap_model import unwrap_model
from aurora_mm.task_types import TASK_TYPES
from aurora_mm.tasks import TaskTable
from aurora_mm.version import __version__


def run_header(runner: Runner, mode: str) -> str:
    """Return the header of a run: config, data, model, device, steps and work dir.

    Args:
        runner: The runner. Its loops, model and, for training, optimiser must be built.
        mode: 'train' or 'test'.
    """
    lines = {'config': str(runner.cfg.filename or '-')}
    loops = dict(train=runner.train_loop, val=runner.val_loop) if mode == 'train' else dict(test=runner.test_loop)
    loaders = {name: loop.dataloader for name, loop in loops.items() if loop is not None}
    roots = dict.fromkeys(str(root) for loader in loaders.values() for root in _roots(loader.dataset))
    if roots:
        lines['data'] = ', '.join(roots)
    for name, loader in loaders.items():
        lines[name] = _contents(loader.dataset)
    model = unwrap_model(runner.model)
    lines['model'] = f'{type(model).__name__}, {_parameters(model)}'
    lines['device'] = _device(model)
    if mode == 'train':
        lines['device'] += f', {_precision(runner)}'
        lines['schedule'] = _schedule(runner)
    lines['work dir'] = f'{runner.work_dir} (log: {Path(runner.log_dir).name}/{runner.timestamp}.log)'
    width = max(map(len, lines))
    return '\n'.join([f'aurora_mm {__version__}', *(f'  {name:<{width}}  {text}' for name, text in lines.items())])


def images_of_tasks(dataset: Dataset[Any]) -> dict[str, int]:
    """Return the number of images of each task in a data set; empty if the data set has no tasks."""
    if not hasattr(dataset, 'indices_by_task'):
        return {}
    return {name: len(indices) for name, indices in dataset.indices_by_task().items()}


def _roots(dataset: Any) -> list[str]:
    if hasattr(dataset, 'datasets'):
        return [root for part in dataset.datasets for root in _roots(part)]
    if isinstance(dataset, TaskDatasetWrapper):
        return _roots(dataset.dataset)
    root = getattr(dataset, 'data_root', None)
    return [root] if root else []


def _contents(dataset: Any) -> str:
    counts: Mapping[str, int] = images_of_tasks(dataset)
    if not counts:
        return f'{len(dataset)} items'
    tasks: TaskTable = dataset.tasks
    parts = []
    for task_type in TASK_TYPES:
        of_type = [counts[task.name] for task in tasks.of_type(task_type) if task.name in counts]
        if of_type:
            parts.append(f'{task_type} {sum(of_type)} of {len(of_type)}')
    return f'{count(sum(counts.values()), "image")} of {count(len(counts), "task")}: {", ".join(parts)}'


def count(number: int, noun: str) -> str:
    """Format a number with a noun, such as ``'1 epoch'`` or ``'2 epochs'``."""
    return f'{number} {noun}' if number == 1 else f'{number} {noun}s'


def _parameters(model: nn.Module) -> str:
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    total = sum(size for size, _ in sizes)
    trainable = sum(size for size, learns in sizes if learns)
    return f'{total / 1e6:.2f} M parameters, {"all" if trainable == total else f"{trainable / 1e6:.2f} M"} trainable'


def _device(model: nn.Module) -> str:
    device = next(model.parameters()).device
    name = f'{torch.cuda.get_device_name(device)} ({device})' if device.type == 'cuda' else str(device)
    return name if get_world_size() == 1 else f'{get_world_size()} processes, {name}'


def _precision(runner: Runner) -> str:
    wrapper = runner.optim_wrapper
    if isinstance(wrapper, AmpOptimWrapper):
        return f'{str(wrapper.cast_dtype or torch.float16).removeprefix("torch.")} autocast'
    if getattr(wrapper, 'enabled', False):  # AutocastOptimWrapper
        return 'bfloat16 autocast'
    return str(next(runner.model.parameters()).dtype).removeprefix('torch.')


def _schedule(runner: Runner) -> str:
    steps = len(runner.train_dataloader)
    loader = runner.cfg.train_dataloader
    images = loader.get('batch_size', 1) * get_world_size() if isinstance(loader, Mapping) else 1
    per_update = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
    by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
    parts = [f'{count(runner.max_epochs, "epoch")} of {steps} steps' if by_epoch else f'{runner.max_iters} steps']
    parts.append(f'{count(images, "image")} a step' + (f', an update every {per_update}' if per_update > 1 else ''))
    if runner.iter:
        parts.append(f'from epoch {runner.epoch + 1}' if by_epoch else f'from step {runner.iter + 1}')
    return ', '.join(parts)
