"""A folder in which the commands of the documents find what they name: data, images and checkpoints, all tiny.

The documents' names are kept: `data/fmc_uia` is generated, `Qwen/Qwen3-VL-8B-Instruct` a folder with an encoder of
0.3 M random weights, and the checkpoints of CHECKPOINTS are of random models. Trainings are cut by short_aurora_mm.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.registry import DefaultScope

from aurora_mm.apis import read_config, read_tasks, resolve_config, write_checkpoint
from aurora_mm.phantoms import make_dataset
from aurora_mm.registry import MODELS
from tests.docs.document_blocks import REPO, Block
from tests.fixtures.odd_inputs import dicom
from tests.models.backbones.reference import make_reference, save_sharded

ENCODER = 'Qwen/Qwen3-VL-8B-Instruct'
# The checkpoints that pages name and do not make themselves, with the config and the data that they are of.
CHECKPOINTS = {
    'work_dirs/demo/train/epoch_11.pth': ('aurora_fmc_demo.py', 'data/fmc_uia'),
    'work_dirs/demo/train/epoch_12.pth': ('aurora_fmc_demo.py', 'data/fmc_uia'),
    'work_dirs/aurora_fmc/epoch_20.pth': ('aurora_fmc.py', 'data/fmc_uia'),
    'work_dirs/aurora_us_real/epoch_12.pth': ('aurora_us_real.py', 'data/us_real'),
}
_REPOSITORY = ('configs', 'benchmarks', 'tools', 'docker/Dockerfile')


def make_stage(folder: Path) -> None:
    """Fill an empty folder; half a minute."""
    for name in _REPOSITORY:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(REPO / name)
    configs = REPO / 'configs'
    make_dataset(folder / 'data/fmc_uia', read_tasks(configs / '_base_/tasks/fmc_uia.py'), 5)
    us_real = read_tasks(configs / '_base_/tasks/us_real.py')
    make_dataset(folder / 'data/us_real', us_real, 8, val_images_per_task=6)
    (folder / 'work_dirs/demo').mkdir(parents=True)
    (folder / 'work_dirs/demo/data').symlink_to(folder / 'data/fmc_uia')
    (folder / ENCODER).mkdir(parents=True)
    save_sharded(make_reference(), folder / ENCODER)
    _write_images(folder)
    for file, (config, data) in CHECKPOINTS.items():
        save_random_model(folder / file, configs / config, folder / data)


def save_random_model(file: Path, config: Path, data: Path) -> None:
    """Write what a training of a config would, with random weights."""
    cfg = read_config(str(config))
    if cfg.model.backbone.get('preset') == '8b':
        cfg.model.backbone.preset = 'tiny'
    resolve_config(cfg, str(data), 'none')
    with DefaultScope.overwrite_default_scope('aurora_mm'), torch.random.fork_rng():
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
    file.parent.mkdir(parents=True, exist_ok=True)
    meta = dict(cfg=cfg.pretty_text, dataset_meta=dict(tasks=cfg.model.tasks))
    write_checkpoint(file, dict(meta=meta, state_dict=model.state_dict()))


def _write_images(folder: Path) -> None:
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (48, 64), dtype=np.uint8)
    for name in ('a.png', 'b.png', 'scans/c.png', 'more/d.png'):
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), image)
    dicom(folder / 'scan.dcm', with_pixels=True)
    video = cv2.VideoWriter(str(folder / 'clip.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 5, (64, 48))
    for _ in range(3):
        video.write(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))
    video.release()
    for kind in ('benign', 'malignant'):  # as BUSI is laid out
        for number in range(1, 9):
            scan = folder / 'SRC' / kind / f'{kind} ({number}).png'
            scan.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(scan), random.integers(0, 256, (48, 64), dtype=np.uint8))
            mask = np.zeros((48, 64), np.uint8)
            mask[10:30, 10 + number : 40] = 255
            cv2.imwrite(str(scan.with_name(f'{kind} ({number})_mask.png')), mask)


def run_block(block: Block, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a bash or Python block as a reader would, in a stage."""
    programs = folder / '.venv/bin'
    programs.mkdir(parents=True, exist_ok=True)
    for name, module in (('aurora-mm', '-m tests.docs.short_aurora_mm'), ('python', '')):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (programs / name).chmod(0o755)
    env = os.environ | dict(
        PATH=f'{programs}:{os.environ["PATH"]}',
        PYTHONPATH=str(REPO),
        AURORA_REAL_DATA='data/us_real',
        OMP_NUM_THREADS='1',
        HF_HUB_OFFLINE='1',
    )
    start = ['bash', '-euc'] if block.language == 'bash' else [sys.executable, '-c']
    return subprocess.run([*start, block.text], cwd=folder, env=env, capture_output=True, text=True, check=False)


def copy_stage(stage: Path, folder: Path) -> None:
    """Make a stage of its own for a page; what is large is shared."""
    shutil.copytree(stage, folder, symlinks=True, dirs_exist_ok=True)
