"""`aurora-mm pretrain`: a run, a resumed run, and the encoder that it writes."""

import os
import re
import shutil
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from safetensors.torch import load_file, save_file

from aurora_mm.apis import resolve_pretraining
from aurora_mm.checkpoints import load_checkpoint_file
from aurora_mm.cli.main import main
from aurora_mm.errors import ConfigError
from aurora_mm.models.backbones import Qwen3VLBackbone
from aurora_mm.registry import HOOKS, MODELS, TRANSFORMS
from tests.fixtures.checkpoints import REPO, SIZES
from tests.fixtures.limited_files import limited_files
from tests.models.backbones.hf_configs import TINY

CONFIGS = sorted((REPO / 'configs/pretraining').glob('*.py'))
CONFIG = f"""
_base_ = ['{REPO}/configs/pretraining/simmim_qwen3-vl-tiny.py']
model = dict(backbone=dict(_delete_=True, type='Qwen3VLBackbone', preset={SIZES!r}))
train_dataloader = dict(batch_size=2, num_workers=0)
train_cfg = dict(max_epochs=2)
param_scheduler = [dict(type='CosineAnnealingLR', begin=0, end=2, T_max=2, convert_to_iter_based=True)]
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
"""


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """Five images, of which an epoch makes three batches of two."""
    folder = tmp_path_factory.mktemp('images')
    rng = np.random.default_rng(0)
    for i in range(5):
        cv2.imwrite(str(folder / f'{i}.png'), cv2.resize(rng.integers(20, 256, (6, 8), dtype=np.uint8), (80, 60)))
    return folder


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    file = tmp_path_factory.mktemp('config') / 'tiny.py'
    file.write_text(CONFIG)
    return str(file)


@pytest.fixture(scope='module')
def trained(config, images, tmp_path_factory):
    """The work dir of an unbroken run."""
    work_dir = tmp_path_factory.mktemp('run') / 'unbroken'
    main(['pretrain', config, '--images', str(images), '--work-dir', str(work_dir)])
    return work_dir


@pytest.mark.parametrize('file', CONFIGS, ids=lambda file: file.stem)
def test_a_shipped_config_builds(file):
    cfg = Config.fromfile(file)
    resolve_pretraining(cfg, ['x'], 'none')
    assert cfg.train_dataloader.dataset.folders == ['x']
    with DefaultScope.overwrite_default_scope('aurora_mm'), torch.device('meta'):
        model = MODELS.build(cfg.model)
    assert sum(p.numel() for p in model.parameters()) > 1e6
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        steps = [TRANSFORMS.build(step) for step in cfg.train_dataloader.dataset.pipeline]
        for hook in cfg.default_hooks.values():
            if hook is not None:
                HOOKS.build(hook)
    (mask,) = [step for step in steps if type(step).__name__ == 'RandomPatchMask']
    patch = model.backbone.strides[0] if type(model.backbone).__name__ != 'EfficientNetLite' else 1
    assert mask.patch_size % patch == 0
    assert cfg.img_size % mask.patch_size == 0


def test_the_encoder_that_is_written_is_the_trained_one(trained):
    state = load_checkpoint_file(trained / 'epoch_2.pth')['state_dict']
    encoder = Qwen3VLBackbone(pretrained=trained / 'encoder')
    encoder.init_weights()
    for name, parameter in encoder.named_parameters():
        assert torch.equal(parameter, state[f'backbone.{name}'])


def test_a_training_starts_from_it(trained, generated, tmp_path):
    from aurora_mm.apis import resolve_config

    cfg = Config.fromfile(REPO / 'configs/aurora_fmc_demo.py')
    resolve_config(cfg, str(generated), str(trained / 'encoder'))
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        model = MODELS.build(cfg.model)
    model.init_weights()
    state = load_checkpoint_file(trained / 'epoch_2.pth')['state_dict']
    assert torch.equal(model.backbone.pos_embed.weight, state['backbone.pos_embed.weight'])


def test_a_resumed_run_ends_as_an_unbroken_one(config, images, trained, tmp_path):
    resumed = tmp_path / 'resumed'
    options = ['--images', str(images), '--work-dir', str(resumed), '--resume', str(trained / 'epoch_1.pth')]
    main(['pretrain', config, *options])
    ours, theirs = (load_checkpoint_file(folder / 'epoch_2.pth') for folder in (resumed, trained))
    assert ours['state_dict'].keys() == theirs['state_dict'].keys()
    assert all(torch.equal(tensor, theirs['state_dict'][name]) for name, tensor in ours['state_dict'].items())
    first = load_checkpoint_file(trained / 'epoch_1.pth')['state_dict']
    assert any(not torch.equal(tensor, first[name]) for name, tensor in theirs['state_dict'].items())
    assert all(
        torch.equal(value, theirs['optimizer']['state'][key][name])
        for key, values in ours['optimizer']['state'].items()
        for name, value in values.items()
        if isinstance(value, torch.Tensor)
    )
    assert (resumed / 'encoder/model.safetensors').read_bytes() == (trained / 'encoder/model.safetensors').read_bytes()


def test_amp_and_an_earlier_encoder_of_the_work_dir(config, images, trained, tmp_path):
    work_dir = tmp_path / 'run'
    (work_dir / 'encoder').mkdir(parents=True)
    (work_dir / 'encoder/old').write_text('x')
    options = ['--images', str(images), '--work-dir', str(work_dir), '--pretrained', str(trained / 'encoder'), '--amp']
    main(['pretrain', config, *options, '--cfg-options', 'train_cfg.max_epochs=1'])
    assert sorted(file.name for file in (work_dir / 'encoder').iterdir()) == ['config.json', 'model.safetensors']


def ended(capsys, *args):
    with pytest.raises(SystemExit) as stopped:
        main([str(arg) for arg in args])
    return stopped.value.code, capsys.readouterr().err


def test_faults_are_one_sentence(config, images, tmp_path, capsys):
    work_dir = ('--work-dir', tmp_path / 'run')
    status, told = ended(capsys, 'pretrain', config, *work_dir)
    assert (status, told.count('\n')) == (2, 1)
    assert 'no folders: name them with --images' in told
    status, told = ended(capsys, 'pretrain', config, '--images', tmp_path / 'nowhere', *work_dir)
    assert (status, told.count('\n')) == (1, 1)
    assert 'nowhere' in told
    unread, empty = "' ' cannot be read (No such file or directory)", f'{tmp_path} is a folder with no image in it'
    for nothing, words in ((' ', unread), (tmp_path, empty)):
        status, told = ended(capsys, 'pretrain', config, '--images', nothing, *work_dir)
        assert (status, told) == (1, f'error: {words}\n')
    status, told = ended(capsys, 'pretrain', REPO / 'configs/aurora_fmc_demo.py', '--images', images, *work_dir)
    assert (status, told.count('\n')) == (2, 1)
    assert 'aurora_fmc_demo.py does not pretrain' in told


@pytest.mark.parametrize(
    ('option', 'told'),
    [
        ('optim_wrapper.optimizer.lr=-1', 'optim_wrapper.optimizer.lr must be a number of 0 or more or None, not -1'),
        (
            'train_dataloader.batch_size=0',
            'train_dataloader.batch_size must be a whole number of 1 or more or None, not 0',
        ),
        ('train_cfg.max_epochs=x', "train_cfg.max_epochs must be a whole number of 1 or more or None, not 'x'"),
        ('train_cfg.max_epochs=0', 'train_cfg.max_epochs must be a whole number of 1 or more or None, not 0'),
    ],
)
def test_values_that_cannot_be_are_told_in_one_line(option, told, config, images, tmp_path, capsys):
    run = ('--images', images, '--work-dir', tmp_path / 'run')
    status, said = ended(capsys, 'pretrain', config, *run, '--cfg-options', option)
    assert (status, said.count('\n')) == (2, 1)
    assert re.search(told.replace('(', r'\(').replace(')', r'\)'), said)


def test_a_run_that_learns_nothing_ends_before_it_is_saved(config, images, tmp_path, capsys):
    black = tmp_path / 'black'
    black.mkdir()
    cv2.imwrite(str(black / '0.png'), np.zeros((60, 80), np.uint8))
    for folder, option, told in (
        (black, 'train_cfg.max_epochs=1', 'no image of epoch 1 shows tissue'),
        (images, 'optim_wrapper.optimizer.lr=1e30', 'the loss was not finite in 2 of 3 steps of epoch 1'),
    ):
        work_dir = tmp_path / option.partition('=')[0]
        run = ('--images', folder, '--work-dir', work_dir)
        status, said = ended(capsys, 'pretrain', config, *run, '--cfg-options', option)
        assert (status, said.count('\n')) == (1, 1)
        assert told in said
        assert not [*work_dir.glob('*.pth'), *work_dir.glob('encoder')]


def test_weights_that_are_not_finite(config, images, trained, tmp_path, capsys):
    broken = shutil.copytree(trained / 'encoder', tmp_path / 'broken')
    state = load_file(broken / 'model.safetensors')
    state['blocks.0.norm1.weight'][3] = torch.nan
    save_file(state, broken / 'model.safetensors')
    run = ('--images', images, '--work-dir', tmp_path / 'run', '--pretrained', broken)
    status, said = ended(capsys, 'pretrain', config, *run)
    assert (status, said.count('\n')) == (1, 1)
    assert f'{broken}: 1 of the 48 values of blocks.0.norm1.weight are not finite' in said


def test_a_run_that_goes_on_with_other_images_is_warned(config, images, trained, tmp_path):
    fewer = tmp_path / 'fewer'
    fewer.mkdir()
    shutil.copy(images / '0.png', fewer)
    options = ['--images', str(fewer), '--work-dir', str(tmp_path / 'run'), '--resume', str(trained / 'epoch_1.pth')]
    # Runs of one name that begin within one second share a log file, and `trained` may be as young.
    main(['pretrain', config, *options, '--cfg-options', 'experiment_name=fewer'])
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert 'of a run with 3 steps an epoch and goes on with 1: the images or the batch size' in log.read_text()


def test_a_work_dir_in_the_place_of_a_checkpoint(config, images, trained, capsys):
    status, said = ended(capsys, 'pretrain', config, '--images', images, '--resume', trained)
    assert (status, said.count('\n')) == (2, 1)
    assert f'--resume {trained} is a work dir' in said


def test_an_earlier_encoder_stays_if_the_disk_is_full(config, images, trained, tmp_path, capsys):
    work_dir = tmp_path / 'run'
    shutil.copytree(trained / 'encoder', work_dir / 'encoder')
    room = (trained / 'encoder/model.safetensors').stat().st_size - 1
    run = ('--images', images, '--work-dir', work_dir)
    no_checkpoint = ('default_hooks.checkpoint.interval=-1', 'default_hooks.checkpoint.save_last=False')
    with limited_files(room):
        status, said = ended(capsys, 'pretrain', config, *run, '--cfg-options', *no_checkpoint)
    assert (status, said.count('\n')) == (1, 1)
    assert 'cannot write' in said
    names = [path.relative_to(work_dir).as_posix() for path in sorted(work_dir.glob('*encoder*/**'))]
    assert names == ['encoder']
    assert (work_dir / 'encoder/model.safetensors').read_bytes() == (trained / 'encoder/model.safetensors').read_bytes()


def test_a_file_in_the_place_of_the_encoder_is_told_before_training(config, images, tmp_path, capsys):
    (tmp_path / 'encoder').write_text('mine')
    status, said = ended(capsys, 'pretrain', config, '--images', images, '--work-dir', tmp_path)
    assert (status, said.count('\n')) == (1, 1)
    assert f'cannot write {tmp_path / "encoder"}: there is a file or a link of this name' in said
    assert (tmp_path / 'encoder').read_text() == 'mine'
    assert not [*tmp_path.glob('*.pth')]


def test_a_checkpoint_of_a_pretraining_predicts_nothing(trained, images, generated, tmp_path, capsys):
    checkpoint = trained / 'epoch_2.pth'
    config = REPO / 'configs/aurora_fmc_demo.py'
    for args in (
        ('predict', checkpoint, images, '--out', tmp_path / 'out'),
        ('test', config, checkpoint, '--data-root', generated),
    ):
        status, told = ended(capsys, *args)
        assert (status, told.count('\n')) == (1, 1)
        assert f'{checkpoint} is of a pretraining' in told


@pytest.mark.parametrize(
    ('backbone', 'told'),
    [
        (dict(type='mmdet.ResNet', depth=18), 'writes encoders of aurora_mm that have save_pretrained, not ResNet'),
        (dict(type='Qwen3VLBackbone', preset=SIZES, lora=dict(r=2)), 'leave lora out'),
    ],
)
def test_an_encoder_that_cannot_be_written_is_refused_before_training(backbone, told, config, images, tmp_path):
    if 'lora' in backbone:
        pytest.importorskip('peft')
    cfg = Config.fromfile(config)
    cfg.model.backbone = backbone
    cfg.work_dir = str(tmp_path)
    runner = Runner.from_cfg(resolve_pretraining(cfg, [str(images)]))
    with pytest.raises(ConfigError, match=told):
        runner.train()
    assert runner.iter == 0


@pytest.mark.parametrize('name', ['vit', 'swin'])
def test_an_encoder_of_transformers(name, config, images, tmp_path):
    from aurora_mm.models.backbones import HFBackbone

    cfg = Config.fromfile(config)
    cfg.model.backbone = dict(type='HFBackbone', config=TINY[name])
    cfg.work_dir, cfg.experiment_name = str(tmp_path), f'pretrain_{name}'
    cfg.train_cfg.max_epochs = 1
    runner = Runner.from_cfg(resolve_pretraining(cfg, [str(images)]))
    runner.train()
    encoder = HFBackbone(pretrained=tmp_path / 'encoder')
    encoder.init_weights()
    state = runner.model.backbone.state_dict()
    assert all(torch.equal(tensor, state[key]) for key, tensor in encoder.named_parameters())


@pytest.mark.slow
def test_two_processes_see_halves_of_an_epoch(config, images, tmp_path):
    """Through torchrun, as on several GPUs; both ranks end with the same weights, which the checkpoint has."""
    import subprocess

    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2', '--standalone', '-m', 'aurora_mm']
    command += [
        'pretrain',
        config,
        '--images',
        str(images),
        '--work-dir',
        str(tmp_path / 'run'),
        '--launcher',
        'pytorch',
    ]
    environment = dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=str(REPO))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert '2 epochs of 2 steps, 4 images a step' in done.stdout
    assert (tmp_path / 'run/encoder/model.safetensors').is_file()


def test_nothing_waits_for_the_accelerator(config, images, accelerator, tmp_path):
    """The second step, with all hooks: nothing is read back from the device."""
    from tests.accelerator.small_run import watch_second_step

    cfg = Config.fromfile(config)
    cfg.work_dir, cfg.experiment_name = str(tmp_path), 'pretrain_on_an_accelerator'
    cfg.train_cfg.max_epochs = 1
    runner = Runner.from_cfg(resolve_pretraining(cfg, [str(images)]))
    watcher = watch_second_step(runner, accelerator.watch)
    runner.train()
    assert runner.iter == 3
    assert watcher.waits == []
    assert {str(p.device) for p in runner.model.parameters()} == {str(accelerator.device)}
