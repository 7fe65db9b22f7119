"""Each config trains, saves, resumes and tests with parts of its own; only its encoder and images are made small."""

from __future__ import annotations

from itertools import count

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from aurora_mm.apis import adopt_checkpoint, load_weights, resolve_config, start_from
from aurora_mm.config_variables import set_image_size
from tests.fixtures.checkpoints import ALL_TYPES, REPO, SIZES

pytestmark = pytest.mark.slow

DINOV2 = dict(model_type='dinov2', hidden_size=48, num_hidden_layers=6, num_attention_heads=3, image_size=56)
# The second stages with the first stage that they start from.
FIRST_STAGE = dict(
    aurora_fmc_specialise='aurora_fmc',
    aurora_laptop_specialise='aurora_laptop',
    aurora_us_real_specialise='aurora_us_real',
)
NAMES = sorted(file.stem for file in (REPO / 'configs').glob('*.py') if file.stem != 'aurora_fmc_32b')
_numbers = count()


def read(name, work_dir):
    """The config on generated data: 2 epochs of 2 steps, each with a validation."""
    cfg = Config.fromfile(REPO / f'configs/{name}.py')
    cfg.tasks = ALL_TYPES.to_config()
    shrink(cfg)
    # A multiple of 32, as FitToSize wants it, and of the patches of 14 pixels of DINOv2.
    set_image_size(cfg, 224 if cfg.model.backbone.type == 'HFBackbone' else 64)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.num_workers = 0
    cfg.train_dataloader.batch_sampler.num_batches = 2
    cfg.train_cfg.update(max_epochs=2, val_interval=1)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'{name}_{next(_numbers)}'
    return cfg


def shrink(cfg):
    backbone = cfg.model.backbone
    backbone.pretrained = None
    if backbone.type == 'HFBackbone':
        backbone.config = DINOV2
    elif backbone.type == 'Qwen3VLBackbone':
        backbone.preset = dict(SIZES, depth=6) if backbone.get('out_indices') else SIZES


def train(name, work_dir, data, joint=None, resume=None):
    cfg = read(name, work_dir)
    if joint is None:
        resolve_config(cfg, str(data))
    else:
        start_from(cfg, resume or joint, str(data))
    if resume is not None:
        cfg.resume, cfg.load_from = True, str(resume)
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def state(file):
    return torch.load(file, weights_only=False, map_location='cpu')


def assert_same(expected, found):
    """Two checkpoints with the same weights, averages, optimiser's moments, counts and state of hooks."""
    for kind in ('state_dict', 'ema_state_dict'):
        assert expected.get(kind, {}).keys() == found.get(kind, {}).keys()
        for name, tensor in expected.get(kind, {}).items():
            assert torch.equal(tensor.nan_to_num(), found[kind][name].nan_to_num()), f'{kind}: {name}'
    moments = expected['optimizer']['state']
    assert moments
    for key, values in moments.items():
        for name, value in values.items():
            if isinstance(value, torch.Tensor):
                assert torch.equal(value, found['optimizer']['state'][key][name]), f'{key}: {name}'
    for index, grads in expected['optimizer'].get('pending', {}).get('', {}).items():
        assert torch.equal(grads, found['optimizer']['pending'][''][index])
    for key in ('epoch', 'iter'):
        assert expected['meta'][key] == found['meta'][key]
    assert told(expected) == told(found)
    best = expected.get('best_of_task', {})
    for task, kept in best.items():
        other = found['best_of_task'][task]
        assert [kept[key] for key in ('first', 'score', 'epoch')] == [other[key] for key in ('first', 'score', 'epoch')]
        assert all(torch.equal(tensor, other['weights'][name]) for name, tensor in kept['weights'].items())


def told(checkpoint):
    """What the hooks keep in MMEngine's message hub from epoch to epoch, but for names of files and of the run."""
    infos = checkpoint['message_hub']['runtime_info']
    kept = ('images_drawn', 'sampling_progress', 'best_score', 'early_stopping/score', 'epoch', 'iter')
    assert 'images_drawn' in infos
    return {key: infos[key] for key in kept if key in infos}


@pytest.fixture(scope='module')
def joint(tmp_path_factory, generated_of_all_types):
    """Gives the checkpoint of a first stage, trained once."""
    made = {}

    def train_once(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name)
            train(name, made[name], generated_of_all_types)
        return made[name] / 'epoch_2.pth'

    return train_once


@pytest.mark.parametrize('name', NAMES)
def test_a_config_trains_saves_resumes_and_tests(name, generated_of_all_types, joint, tmp_path):
    first = joint(FIRST_STAGE[name]) if name in FIRST_STAGE else None
    train(name, tmp_path / 'unbroken', generated_of_all_types, first)
    checkpoint = tmp_path / 'unbroken/epoch_2.pth'
    train(name, tmp_path / 'resumed', generated_of_all_types, first, resume=tmp_path / 'unbroken/epoch_1.pth')
    assert_same(state(checkpoint), state(tmp_path / 'resumed/epoch_2.pth'))

    # As tools/test.py does; the checkpoint brings the encoder.
    cfg = read(name, tmp_path / 'test')
    cfg.model.backbone = dict(type='NoSuchEncoder')
    runner = Runner.from_cfg(adopt_checkpoint(cfg, checkpoint, str(generated_of_all_types)))
    load_weights(runner.model, [checkpoint])
    scores = runner.test()
    assert all(0 <= scores[f'{task}/primary'] <= 1 for task in ALL_TYPES)
    assert 0 < scores['score'] < 1
