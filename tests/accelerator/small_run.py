"""Any config as a run of seconds: its own parts, hooks and schedule, but a tiny encoder, small images and few steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from aurora_mm.apis import resolve_config, starts_from_weights, write_checkpoint
from aurora_mm.config_variables import set_image_size
from aurora_mm.engine.schedule_length import drop_late_schedulers
from aurora_mm.registry import MODELS
from tests.accelerator.conftest import CONFIGS

SIZE = 64
ENCODER = dict(depth=4, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)
DINO = dict(
    model_type='dinov2', hidden_size=48, num_hidden_layers=4, num_attention_heads=3, image_size=64, patch_size=16
)
_names = itertools.count()


def small_config(file: Path, data_root: Path, work_dir: Path, tasks: list[dict] | None = None) -> Config:
    """A config of three training steps and a validation; one that starts from a trained model has one to start from."""
    cfg = Config.fromfile(file)
    if tasks is not None:
        cfg.tasks = tasks
    if cfg.model.backbone.type == 'HFBackbone':
        cfg.model.backbone.config = DINO
    elif cfg.model.backbone.type == 'Qwen3VLBackbone':
        cfg.model.backbone.preset = ENCODER
    resolve_config(cfg, str(data_root), 'none')
    set_image_size(cfg, SIZE)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[name].update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.batch_size = 4
    cfg.train_dataloader.batch_sampler.update(batches_of='all', num_batches=3)
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    drop_late_schedulers(cfg)
    cfg.default_hooks.checkpoint = None
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'{file.stem}_{next(_names)}'
    for key in ('runner_type', 'strategy'):  # one process, which shards nothing
        cfg.pop(key, None)
    if starts_from_weights(cfg):
        cfg.load_from = str(_trained(cfg, work_dir / 'trained.pth'))
    return cfg


def narrow_config(data_root: Path, work_dir: Path) -> Config:
    """aurora_us_real.py, small and narrow; its step is the one that tests of parts change."""
    cfg = small_config(CONFIGS / 'aurora_us_real.py', data_root, work_dir)
    cfg.model.neck.out_channels = 16
    cfg.model.detail.channels = (8, 8, 16, 16)
    for head in cfg.model.heads.values():
        head['hidden_channels' if head.type == 'ClassificationHead' else 'channels'] = 16
    return cfg


def build_model(cfg: Config) -> torch.nn.Module:
    """The model of a config, always with the same weights."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        return MODELS.build(cfg.model)


def train(cfg: Config, watch: Callable) -> list[str]:
    """Trains and validates; returns what the host waited for in the second of the three steps, which logs nothing."""
    runner = Runner.from_cfg(cfg)
    watcher = watch_second_step(runner, watch)
    runner.train()
    assert runner.iter == 3
    assert 0 <= runner.message_hub.get_scalar('val/score').current() <= 1
    return watcher.waits


def watch_second_step(runner: Runner, watch: Callable) -> _Watch:
    """Has a run watch the second step of an epoch; the result's ``waits`` are what the host waited for in it."""
    watcher = _Watch(watch)
    runner.register_hook(watcher, priority='HIGHEST')
    runner.register_hook(_End(watcher), priority='LOWEST')
    return watcher


class _Watch(Hook):
    """Looks at the second step, from before all other hooks ..."""

    def __init__(self, watch: Callable) -> None:
        self.watch = watch

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if batch_idx == 1:
            self.context = self.watch()
            self.waits = self.context.__enter__()


class _End(Hook):
    """... until after them."""

    def __init__(self, watcher: _Watch) -> None:
        self.watcher = watcher

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if batch_idx == 1:
            self.watcher.context.__exit__(None, None, None)


def _trained(cfg: Config, file: Path) -> Path:
    """A checkpoint of a model with heads by type."""
    joint = Config(dict(model=cfg.model.to_dict() | dict(own_heads=False, adapter=None, frozen=())))
    write_checkpoint(file, dict(meta=dict(), state_dict=build_model(joint).state_dict()))
    return file
