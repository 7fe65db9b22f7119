"""The learning rate of a config's schedule at each step, computed without its model and data."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch import Tensor, nn

from aurora_mm.engine.schedule_length import drop_late_schedulers
from aurora_mm.files import write_figure


def schedule_curve(cfg: Config, steps_per_epoch: int) -> list[float]:
    """Return the learning rate of each step of the training, computed by MMEngine's Runner with a model of one number.

    Args:
        cfg: A config with ``train_cfg``, ``optim_wrapper`` and ``param_scheduler``. The learning rate is that of the
            optimiser's first parameter group; ``paramwise_cfg`` is ignored.
        steps_per_epoch: Number of batches in an epoch.
    """
    recorder = _Recorder()
    with tempfile.TemporaryDirectory() as folder, DefaultScope.overwrite_default_scope('aurora_mm'):
        runner = Runner(
            model=_OneNumber(),
            work_dir=folder,
            train_dataloader=torch.utils.data.DataLoader(_Steps(steps_per_epoch)),
            train_cfg=cfg.train_cfg,
            optim_wrapper=dict(type='OptimWrapper', optimizer=cfg.optim_wrapper.optimizer),
            param_scheduler=drop_late_schedulers(cfg.copy()).get('param_scheduler'),
            default_hooks=dict(logger=None, checkpoint=None, timer=None, sampler_seed=None),
            custom_hooks=[recorder],
            visualizer=dict(type='Visualizer', vis_backends=None),
            log_level='ERROR',
            experiment_name=f'schedule_{id(recorder)}',
            default_scope='aurora_mm',
        )
        runner.train()
    return recorder.rates


def plot_schedule(rates: list[float], steps_per_epoch: int, file: str | Path) -> None:
    """Draw the learning rates over epochs.

    Args:
        rates: Learning rate of each step.
        steps_per_epoch: Number of batches in an epoch.
        file: File of the picture.
    """
    from matplotlib.figure import Figure  # takes a second to import, and nothing else here needs it

    axes = (figure := Figure(figsize=(7, 3.5), layout='constrained')).subplots()
    axes.plot([step / steps_per_epoch for step in range(len(rates))], rates)
    axes.set(xlabel='epoch', ylabel='learning rate', ylim=(0, None))
    axes.grid(alpha=0.3)
    write_figure(file, figure)


class _Steps(torch.utils.data.Dataset[dict[str, Tensor]]):
    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return dict(inputs=torch.zeros(1))


class _OneNumber(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.number = nn.Parameter(torch.zeros(1))

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = 'loss') -> dict[str, Tensor]:
        return dict(loss=(self.number * 0).sum())


class _Recorder(Hook):
    def __init__(self) -> None:
        self.rates: list[float] = []

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        self.rates.append(runner.optim_wrapper.param_groups[0]['lr'])
