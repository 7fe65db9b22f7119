"""Try a foreign head when it is built, so that errors show before training starts."""

from __future__ import annotations

import copy
import logging
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from mmengine.dist import is_distributed
from mmengine.logging import MMLogger, print_log
from mmengine.model import revert_sync_batchnorm
from torch import Tensor

from aurora_mm.errors import AuroraError, ConfigError
from aurora_mm.misfits import MISFITS, NEEDS_GPU, reason_of
from aurora_mm.models.heads.base_task_head import BaseTaskHead
from aurora_mm.structures import TaskBatch, example_sample
from aurora_mm.tasks import Task

_SMALLEST = 128  # smallest side of the trial image in pixels


def try_head(head: BaseTaskHead, kind: str, strides: Sequence[int] | None = None) -> None:
    """Train a copy of a head for one step on one image of each task, and let it predict.

    The trial is skipped where it cannot run: on the meta device, in a process group, whose members might wait for each
    other, and for operators without a CPU version. There the first batch shows whether the head fits.

    Args:
        head: The head. Neither it nor the states of the random generators change.
        kind: Name of the foreign type, for error messages.
        strides: Input pixels per cell of each map that the head is given; 4, 8, 16, ... by default.

    Raises:
        ConfigError: If the head fails, its losses have no gradient or it predicts nothing. The message gives the type
            and the reason.
    """
    if is_distributed() or any(p.is_meta for p in head.parameters()):
        return
    strides = list(strides or (4 * 2**i for i in range(len(head.in_channels))))
    size = max(_SMALLEST, 3 * max(strides))  # deformable convolutions need three cells
    with _preserve_random_state(), torch.device('cpu'), torch.inference_mode(False), torch.enable_grad():
        trial = _started(revert_sync_batchnorm(copy.deepcopy(head).cpu().float()))
        for task in head.tasks:
            maps = [
                torch.randn(1, channels, size // stride, size // stride)
                for channels, stride in zip(head.in_channels, strides, strict=True)
            ]
            try:
                _train(trial.train(), maps, task, size)
                _predict(trial.eval(), maps, task, size)
            except AuroraError as error:
                raise type(error)(f'{kind} cannot be a head of task {task.name!r}: {error}') from error
            except MISFITS as error:
                if NEEDS_GPU in str(error):
                    print_log(f'{kind} is not tried before the training: {error}', 'current', logging.WARNING)
                    return
                raise ConfigError(
                    f'{kind} cannot be a head of task {task.name!r}: with one image {reason_of(error)}'
                ) from error


def _started(head: BaseTaskHead) -> BaseTaskHead:
    """Initialise the head as for training, unless its weights are in a file."""
    if any('Pretrained' in str(getattr(module, 'init_cfg', None)) for module in head.modules()):
        return head
    logger = MMLogger.get_current_instance()
    handlers = logger.handlers
    logger.handlers = []  # otherwise MMEngine would list all parameters in the log twice
    try:
        head.init_weights()
    finally:
        logger.handlers = handlers
    return head


def _train(head: BaseTaskHead, maps: list[Tensor], task: Task, size: int) -> None:
    (losses,) = head.loss(maps, [TaskBatch(task, None, [example_sample(task, size, 'network')])])
    learned = [value for value in losses.values() if value.requires_grad]
    if not learned:
        raise ConfigError(f'its losses ({", ".join(losses) or "none"}) have no gradient')
    torch.stack([value.sum() for value in learned]).sum().backward()


def _predict(head: BaseTaskHead, maps: list[Tensor], task: Task, size: int) -> None:
    sample = example_sample(task, size, 'network')
    with torch.no_grad():
        head.predict(maps, [TaskBatch(task, None, [sample])])
    wanted = example_sample(task, size, 'network', predicted=True)
    if missing := [field for field in wanted.keys() if field not in sample]:  # noqa: SIM118 (a data element is no dict)
        raise ConfigError(f'it predicts no {", ".join(missing)}')


@contextmanager
def _preserve_random_state() -> Iterator[None]:
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 (the one that mmdet draws from)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
