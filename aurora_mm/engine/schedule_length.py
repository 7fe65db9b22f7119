"""Make the schedule of the learning rate last as long as the training."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from types import SimpleNamespace
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.optim import (
    ConstantParamScheduler,
    MultiStepParamScheduler,
    ReduceOnPlateauParamScheduler,
    StepParamScheduler,
)
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler
from mmengine.runner import Runner

from aurora_mm.errors import ConfigError

# Schedulers that change a value at a few steps only.
_IN_STEPS = (
    ConstantParamScheduler,
    MultiStepParamScheduler,
    ReduceOnPlateauParamScheduler,
    StepParamScheduler,
)
LEAST_RATE = 0.01  # of the highest one: with less, a model hardly changes


def drop_late_schedulers(cfg: Config) -> Config:
    """Leave out the schedulers that would begin when the training has ended, which MMEngine refuses to build.

    A training of one epoch with a warm-up of one epoch warms up, and the cosine after it never begins.

    Args:
        cfg: Changed in place: ``param_scheduler``, if it is a list. Schedulers with an ``end`` of their own stay.

    Returns:
        ``cfg``.
    """
    schedulers, loop = cfg.get('param_scheduler'), cfg.get('train_cfg') or {}
    if isinstance(schedulers, list):
        lengths = {
            by_epoch: loop.get('max_epochs' if by_epoch else 'max_iters') or math.inf for by_epoch in (True, False)
        }
        late = [
            each
            for each in schedulers
            if 'end' not in each
            and each.get('begin', 0) > 0
            and each.begin >= lengths[bool(each.get('by_epoch', True))]
        ]
        for each in late:
            text = f'{each.type} is left out: it begins at {each.begin}, when the training has ended'
            print_log(text, logger='current', level=logging.WARNING)
        cfg.param_scheduler = [each for each in schedulers if each not in late]
    return cfg


def require_learning(runner: Runner) -> None:
    """Check that the learning rate does not stay next to 0 after the last scheduler has ended.

    Args:
        runner: The runner, before its first step; a resumed one has taken the schedule of its checkpoint.

    Raises:
        ConfigError: If all schedulers end before the training does, and the rate is by then below :data:`LEAST_RATE`
            times the highest one; or if the rates of all parameters are 0.
    """
    length = len(runner.train_dataloader)
    groups = getattr(getattr(runner.optim_wrapper, 'optimizer', None), 'param_groups', [])  # several have no such list
    if groups and all(group.get('initial_lr', group['lr']) == 0 for group in groups):
        raise ConfigError(
            'the learning rate of all parameters is 0, so that nothing would learn: set optim_wrapper.optimizer.lr, or '
            'lr_mult in its paramwise_cfg'
        )
    for schedulers in schedulers_by_optimizer(runner.param_schedulers):
        rates = [each for each in schedulers if each.param_name == 'lr']
        epochs = max((math.ceil(_epochs(each, each.end, length)) for each in rates), default=math.inf)
        if epochs >= runner.max_epochs:
            continue
        last, highest = _last_and_highest(rates, int(epochs), length)
        if last < LEAST_RATE * highest:
            raise ConfigError(
                f'param_scheduler ends at epoch {epochs} of {runner.max_epochs}, and the learning rate stays at '
                f'{last:.2g} from there on, where {highest:.2g} is its highest value: ' + _way_out(runner)
            )


def tell_cut_schedulers(runner: Runner) -> None:
    """Warn of what schedulers of the learning rate would do after the training, such as the end of a long warm-up.

    Args:
        runner: The runner, before its first step.
    """
    length = len(runner.train_dataloader)
    for schedulers in schedulers_by_optimizer(runner.param_schedulers):
        for each in (each for each in schedulers if each.param_name == 'lr'):
            end = _epochs(each, each.end, length)
            milestones = [_epochs(each, one, length) for one in sorted(getattr(each, 'milestones', ()))]
            late = [one for one in milestones if one >= runner.max_epochs]
            if end > runner.max_epochs:
                _warn(
                    f'{type(each).__name__} goes on to epoch {end:g}, and the training ends with epoch '
                    f'{runner.max_epochs}: the learning rate does not reach the value that it leads to. Leave out its '
                    'end, or train longer'
                )
            elif late:
                _warn(
                    f'{type(each).__name__} has milestones that the training does not reach, which ends with epoch '
                    f'{runner.max_epochs}: {", ".join(f"{one:g}" for one in late)}'
                )


def tell_overlaps(runner: Runner) -> None:
    """Warn of two schedulers that change the learning rate at the same time, each of what the other has left.

    Schedulers that keep the rate between a few steps, such as MultiStepLR, may begin within a warm-up, as in configs of
    mmdet.

    Args:
        runner: The runner, before its first step.
    """
    length = len(runner.train_dataloader)
    for schedulers in schedulers_by_optimizer(runner.param_schedulers):
        curves = [each for each in schedulers if each.param_name == 'lr' and not isinstance(each, _IN_STEPS)]
        for first, second in combinations(curves, 2):
            begin = max(_epochs(first, first.begin, length), _epochs(second, second.begin, length))
            end = min(_epochs(first, first.end, length), _epochs(second, second.end, length), runner.max_epochs)
            if begin < end:
                _warn(
                    f'{type(first).__name__} and {type(second).__name__} both change the learning rate from epoch '
                    f'{begin:g} to {end:g}, each what the other has left: set begin of one to the end of the other'
                )


def _epochs(scheduler: _ParamScheduler, number: float, length: int) -> float:
    """Convert a number of a scheduler's own unit, epochs or steps, to epochs of ``length`` steps."""
    return float(number) / (1 if scheduler.by_epoch else length)


def _warn(text: str) -> None:
    print_log(text, 'current', logging.WARNING)


def _way_out(runner: Runner) -> str:
    if runner._resume:
        return (
            'a resumed run keeps the schedule of its checkpoint, so resume it with the same train_cfg.max_epochs, or '
            'begin a new training with its weights (--load-from)'
        )
    return 'leave out end, T_max and total_steps of the schedulers, so that they end with train_cfg.max_epochs'


def schedulers_by_optimizer(schedulers: Any) -> Iterator[Sequence[_ParamScheduler]]:
    """Yield the schedulers of each optimiser.

    Args:
        schedulers: ``runner.param_schedulers``: a list, a dict of lists for several optimisers, or None.
    """
    if isinstance(schedulers, Mapping):
        yield from schedulers.values()
    elif schedulers:
        yield schedulers


def _last_and_highest(schedulers: Sequence[_ParamScheduler], epochs: int, length: int) -> tuple[float, float]:
    """Return the highest rate of a parameter group after some more epochs, by copies of the schedulers, and of all."""
    optimizer = schedulers[0].optimizer
    groups = [{key: value for key, value in group.items() if key != 'params'} for group in optimizer.param_groups]
    copies = [copy.copy(each) for each in schedulers]
    for each in copies:
        # Without a counted step of the optimiser MMEngine warns.
        each.optimizer = SimpleNamespace(param_groups=groups, step=optimizer.step, _global_step=0)
    for _ in range(epochs):
        for each in copies:
            for _ in range(1 if each.by_epoch else length):
                each.step()
    highest = max(float(group.get('max_lr', group['initial_lr'])) for group in groups)
    return max(float(group['lr']) for group in groups), highest
