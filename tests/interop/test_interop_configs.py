"""Every config under configs/interop is trained and scored by its host's own Runner, data sets and evaluator."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

CONFIGS = sorted((Path(__file__).parents[2] / 'configs/interop').glob('*.py'))
KEYS = {'mmdet': 'coco/bbox_mAP', 'mmseg': 'mDice'}


def test_hosts_and_kinds_are_all_there():
    names = {file.stem for file in CONFIGS}
    assert {'mmseg_upernet', 'mmseg_aurora_head'} <= names
    assert {'mmdet_fcos', 'mmdet_faster_rcnn', 'mmdet_dino', 'mmdet_aurora_head'} <= names


def case(file):
    return pytest.param(file, id=file.stem, marks=[pytest.mark.needs_operators] if 'rcnn' in file.stem else [])


@pytest.mark.parametrize('file', map(case, CONFIGS))
def test_config_trains_and_is_scored_by_its_host(file, data, tmp_path, monkeypatch):
    host = file.stem.split('_')[0]
    pytest.importorskip(host)
    monkeypatch.setenv('US_COCO', str(data.coco))
    monkeypatch.setenv('US_MMSEG', str(data.mmseg))
    cfg = Config.fromfile(file)
    assert cfg.default_scope == host
    assert cfg.custom_imports.imports == ['aurora_mm']
    cfg.work_dir = str(tmp_path)
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.model.backbone.preset = dict(depth=6, hidden_size=192, intermediate_size=192, num_heads=3)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, batch_size=min(loader.batch_size, 4))
        for step in loader.dataset.pipeline:
            if step.type == 'Resize':
                step.scale = (128, 128)
    cfg.experiment_name = f'{file.stem}_{id(cfg)}'
    cfg.log_level = 'WARNING'
    with DefaultScope.overwrite_default_scope(host):
        runner = Runner.from_cfg(cfg)
        before = {name: p.detach().clone() for name, p in runner.model.backbone.named_parameters()}
        runner.train()
        scores = runner.test()
    assert 0 <= scores[KEYS[host]] <= 100
    state = runner.optim_wrapper.optimizer.state
    unread = [name for name, p in runner.model.named_parameters() if p.requires_grad and p not in state]
    assert not unread, 'no gradient reached these: DistributedDataParallel would refuse them'
    moved = [not torch.equal(before[name], p) for name, p in runner.model.backbone.named_parameters()]
    assert all(moved)
    assert list(tmp_path.glob('epoch_1.pth'))
