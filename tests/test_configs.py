"""Every config parses and builds its model, its hooks and its optimiser's parts."""

from itertools import pairwise
from pathlib import Path

import mmengine
import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import DefaultScope
from mmengine.utils import get_installed_path

from aurora_mm.analysis.schedule import schedule_curve
from aurora_mm.models.backbones import EfficientNetLite
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
        for hook in [*cfg.default_hooks.values(), *cfg.custom_hooks]:
            HOOKS.build(hook)
        EVALUATOR.build(cfg.val_evaluator)
    assert cfg.default_hooks.checkpoint.rule == 'greater'


@pytest.mark.parametrize('file', sorted(ROOT.glob('baselines/*.py')), ids=lambda file: file.stem)
def test_a_baseline_builds_for_the_tasks_of_its_type(file):
    cfg = Config.fromfile(file)
    (kind,) = cfg.model.heads
    tasks = [task for task in cfg.tasks if task.type == kind]
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        model = MODELS.build(dict(cfg.model, tasks=tasks))
    assert [*model.tasks] == [task.name for task in tasks]
    parts = [model.backbone, host_part(model)]
    if file.stem == 'upernet_us_real':  # on the encoder of the specialists that it is compared with
        assert isinstance(parts.pop(0), EfficientNetLite)
    assert all(type(part).__module__.startswith(('mmdet.', 'mmseg.')) for part in parts)


def host_part(model):
    """The part of mmdet or mmseg within the only head of a model."""
    (head,) = model.heads.values()
    return next(iter(head.heads.values()))


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


def bases(file):
    """The files that a config names as its bases; those of other packages left out."""
    return [(file.parent / base).resolve() for base in Config._get_base_files(str(file)) if '::' not in base]


def depth(file):
    return 1 + max((depth(base) for base in bases(file)), default=0)


def test_configs_are_short_and_shallow():
    """A leaf of at most four levels, or a variant of one."""
    for file in ROOT.glob('*.py'):
        assert len(file.read_text().splitlines()) <= 30, file
        assert depth(file) <= (5 if bases(file)[0].parent == ROOT else 4), file


def test_the_steps_of_the_ablation_inherit_each_other_and_end_as_the_fine_config():
    steps = sorted((ROOT / 'ablation').glob('0*.py'))
    assert [step.name[:3] for step in steps] == [f'{i:02d}_' for i in range(1, len(steps) + 1)]
    for before, step in pairwise(steps):
        assert bases(step) == [before]
    last, fine = Config.fromfile(steps[-1]), Config.fromfile(ROOT / 'aurora_us_real_fine.py')
    assert last.custom_hooks == []
    (average,) = fine.custom_hooks
    assert average.type == 'EMAHook'
    for key in ('model', 'train_dataloader', 'val_dataloader', 'optim_wrapper', 'param_scheduler', 'train_cfg'):
        assert without_defaults(last[key].to_dict() if isinstance(last[key], dict) else last[key]) == without_defaults(
            fine[key]
        ), key


@pytest.mark.parametrize('file', sorted((ROOT / '_base_/schedules').glob('*.py')), ids=lambda file: file.stem)
def test_a_running_mean_of_the_weights_soon_forgets_the_first_ones(file):
    hooks = [hook for hook in Config.fromfile(file).get('custom_hooks', []) if hook.type == 'EMAHook']
    for hook in hooks:
        layer = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.zeros_(layer.weight)
        options = {key: value for key, value in hook.items() if key not in ('type', 'ema_type')}
        mean = MODELS.build(dict(options, type=hook.ema_type), default_args=dict(model=layer))
        mean.update_parameters(layer)
        torch.nn.init.ones_(layer.weight)
        for _ in range(50):
            mean.update_parameters(layer)
        assert mean.module.weight.item() > 0.99
    assert bool(hooks) == (file.stem in WITH_MEAN)


@pytest.mark.parametrize('file', sorted([*CONFIGS, *ROOT.glob('*/*us_real.py'), *ROOT.glob('pretraining/*.py')]))
def test_a_schedule_is_as_long_as_the_training(file):
    cfg = Config.fromfile(file)
    half = cfg.train_cfg.max_epochs
    cfg.train_cfg.max_epochs = 2 * half
    rates = schedule_curve(cfg, 2)
    assert len(rates) == 4 * half
    if cfg.param_scheduler:
        assert rates[2 * half] > 0.2 * max(rates) > rates[-1]
    else:
        assert len(set(rates)) == 1  # as published


WITH_MEAN = ('adamw_cosine_12e', 'adamw_layer-decay_20e', 'adamw_one-cycle_12e', 'muon_one-cycle_12e')


def without_defaults(value):
    """A config without what says no more than the default: None, and outputs or labels that are not shared."""
    if isinstance(value, dict):
        kept = {key: without_defaults(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None and (key, item) != ('share_outputs', False)}
    return [without_defaults(item) for item in value] if isinstance(value, (list, tuple)) else value


def test_what_training_needs_is_not_in_the_list_that_users_replace():
    for file in CONFIGS:
        cfg = Config.fromfile(file)
        needed = {'MultiTaskHook', 'ReproducibleEpochHook', 'ResumeValidationHook'}
        needed |= {'StartFromHook', 'BestOfTaskHook'} if 'specialise' in file.name else set()
        assert needed <= {hook.type for hook in cfg.default_hooks.values()}, file
        assert not needed & {hook.type for hook in cfg.custom_hooks}, file


def test_the_hub_finds_each_config_under_a_path_with_a_slash():
    """MMEngine's pattern for `package::path` wants one: configs/aurora_fmc.py is aurora_mm::aurora/fmc.py."""
    if mmengine.__version__ == '0.10.7' and not Path(get_installed_path('aurora_mm')).is_dir():
        pytest.skip('mmengine 0.10.7 does not find packages that were installed with `pip install -e`')
    leaves = {file.name.removeprefix('aurora_'): file for file in ROOT.glob('aurora_*.py')}
    assert {file.name for file in (ROOT / 'aurora').glob('*.py')} == leaves.keys()
    for name, file in leaves.items():
        assert get_config(f'aurora_mm::aurora/{name}').to_dict() == Config.fromfile(file).to_dict()
