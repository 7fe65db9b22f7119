"""Every config parses and builds its model, its hooks and its optimiser's parts."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from aurora_mm.registry import EVALUATOR, HOOKS, MODELS, TRANSFORMS
from aurora_mm.tasks import TaskTable

ROOT = Path(__file__).parents[1] / 'configs'
CONFIGS = sorted([*ROOT.glob('*.py'), *ROOT.glob('ablation/*.py')])


@pytest.mark.parametrize('file', CONFIGS, ids=lambda file: file.stem)
def test_config_builds(file):
    cfg = Config.fromfile(file)
    cfg.model.backbone.pretrained = None  # no weights are at hand; sizes are the preset's
    # On the meta device nothing is allocated, so the full-size encoder builds in no time.
    with DefaultScope.overwrite_default_scope('aurora_mm'), torch.device('meta'):
        model = MODELS.build(cfg.model)
    assert TaskTable(cfg.model.tasks) == TaskTable(cfg.tasks)
    assert all(model.head_of[name] in model.heads for name in model.tasks)
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
            assert TaskTable(loader.dataset.tasks) == TaskTable(cfg.tasks)
            for step in loader.dataset.pipeline:
                TRANSFORMS.build(step)
        for hook in cfg.custom_hooks:
            HOOKS.build(hook)
        EVALUATOR.build(cfg.val_evaluator)
    assert cfg.default_hooks.checkpoint.rule == 'greater'


def test_the_papers_encoder_is_full_size():
    cfg = Config.fromfile(next(file for file in CONFIGS if file.stem == 'aurora_fmc'))
    cfg.model.backbone.pretrained = None
    with DefaultScope.overwrite_default_scope('aurora_mm'), torch.device('meta'):
        backbone = MODELS.build(cfg.model.backbone)
    assert sum(p.numel() for p in backbone.parameters()) == pytest.approx(416e6, rel=0.01)


def test_the_challenge_has_27_tasks():
    tasks = TaskTable(Config.fromfile(ROOT / '_base_/tasks/fmc_uia.py').tasks)
    counts = {t: len(tasks.of_type(t)) for t in ('segmentation', 'classification', 'detection', 'landmark')}
    assert counts == dict(segmentation=12, classification=9, detection=3, landmark=3)


def test_configs_are_short_and_two_levels_deep():
    """Leaf -> _base_ -> _base_, and no further."""
    for file in CONFIGS:
        assert len(file.read_text().splitlines()) < 60
        for base in Config.fromfile(file, import_custom_modules=False).get('_base_', []):
            assert base
    for file in (ROOT / '_base_').glob('*.py'):
        text = file.read_text()
        if '_base_ =' in text:
            parent = (file.parent / text.split("_base_ = '")[1].split("'")[0]).read_text()
            assert '_base_ =' not in parent
