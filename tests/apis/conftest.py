"""A checkpoint of a tiny random model, generated data, and the same data without labels."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from aurora_mm.apis import resolve_config, write_checkpoint
from aurora_mm.datasets.synthetic import make_dataset
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task, TaskTable

REPO = Path(__file__).resolve().parents[2]
TASKS = TaskTable(
    [
        Task('organs', 'segmentation', classes=('background', 'a', 'b')),
        Task('kind', 'classification', classes=('x', 'y')),
        Task('find', 'detection', classes=('lesion',)),
        Task('ends', 'landmark', points=('left', 'right'), swaps=[('left', 'right')]),
    ]
)
SIZES = dict(depth=4, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)


def save_random_model(file, data, seed, width=16):
    """A checkpoint as a training run on ``data`` writes it."""
    cfg = Config.fromfile(REPO / 'configs' / 'aurora_fmc_demo.py')
    cfg.tasks = TASKS.to_config()
    cfg.model.heads.segmentation.channels = width
    cfg.model.backbone.preset = SIZES
    resolve_config(cfg, str(data), 'none')
    with DefaultScope.overwrite_default_scope('aurora_mm'), torch.random.fork_rng():
        torch.manual_seed(seed)
        model = MODELS.build(cfg.model)
    meta = dict(cfg=cfg.pretty_text, dataset_meta=dict(tasks=TASKS.to_config()))
    write_checkpoint(file, dict(meta=meta, state_dict=model.state_dict(), optimizer=dict(state='large')))
    return file


@pytest.fixture(scope='session')
def generated(tmp_path_factory):
    """A labelled root of 10 images a task. Not to be changed."""
    folder = tmp_path_factory.mktemp('generated') / 'data'
    make_dataset(folder, TASKS, 10)
    return folder


@pytest.fixture(scope='session')
def checkpoints(generated, tmp_path_factory):
    """Two checkpoints of models that differ in their weights and in a width."""
    folder = tmp_path_factory.mktemp('checkpoints')
    return [save_random_model(folder / f'{i}.pth', generated, i, width) for i, width in enumerate((16, 24))]


@pytest.fixture
def unlabelled(generated, tmp_path):
    """The challenge's test layout: images, and for masks the place where they go."""
    root = tmp_path / 'input'
    shutil.copytree(generated, root, ignore=shutil.ignore_patterns('masks'))
    for file in (root / 'csv_files').glob('*.csv'):
        with file.open(newline='') as stream:
            rows = list(csv.DictReader(stream))
        keep = [c for c in ('task_id', 'task_name', 'num_classes', 'image_path', 'mask_path') if c in rows[0]]
        with file.open('w', newline='') as stream:
            writer = csv.DictWriter(stream, keep, extrasaction='ignore')
            writer.writeheader()
            writer.writerows(rows)
    return root
