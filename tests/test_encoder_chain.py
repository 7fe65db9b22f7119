"""The encoder's life as a user runs it: extract, tune with LoRA and layer-wise decay, resume, merge, test."""

import json

import pytest
import torch

from aurora_mm.checkpoints import load_checkpoint_file
from tests.fixtures.verbs import run
from tests.models.backbones.reference import make_reference, save_sharded
from tests.test_chain import REPO, TASKS

CONFIG = f"""
_base_ = ['{REPO}/configs/aurora_fmc_demo.py']
tasks = {{tasks}}
model = dict(
    backbone=dict(_delete_=True, type='Qwen3VLBackbone', lora=dict(r=2, dropout=0.1), with_cp=True),
    detail=dict(channels=(8, 8, 16, 16)),
    neck=dict(out_channels=16),
    heads=dict(
        segmentation=dict(channels=16),
        classification=dict(hidden_channels=16),
        detection=dict(channels=16),
        landmark=dict(channels=16),
    ),
)
train_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False, batch_sampler=dict(num_batches=3)
)
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = dict(num_workers=0, persistent_workers=False)
train_cfg = dict(max_epochs=2, val_interval=2)
optim_wrapper = dict(
    constructor='LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay=0.7),
)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=2, by_epoch=True)]
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('encoder_chain')
    (path / 'tasks.py').write_text(TASKS)
    (path / 'config.py').write_text(CONFIG.format(tasks=TASKS.split('=', 1)[1].strip()))
    run('make-demo-data', path / 'data', '--tasks', path / 'tasks.py', '--images-per-task', 6, '--workers', 1)
    (path / 'whole').mkdir()
    save_sharded(make_reference(), path / 'whole')
    output = run('extract-encoder', path / 'whole', path / 'encoder')
    assert '--pretrained' in output
    return path


def train(folder, name, *options):
    args = ('--data-root', folder / 'data', '--work-dir', folder / name, '--pretrained', folder / 'encoder')
    run('train', folder / 'config.py', *args, *options)
    return torch.load(folder / name / 'epoch_2.pth')


@pytest.fixture(scope='module')
def trained(folder):
    return train(folder, 'unbroken')


def test_lora_starts_from_the_extracted_weights_and_alone_moves(trained):
    state, reference = trained['state_dict'], make_reference().state_dict()
    for name, tensor in reference.items():
        if name.startswith('blocks.') and 'norm' not in name and name.endswith('weight'):
            stem = name.removesuffix('.weight')
            assert torch.equal(state[f'backbone.{stem}.base_layer.weight'], tensor)
            assert state[f'backbone.{stem}.lora_B.default.weight'].abs().max() > 0


def test_a_resumed_lora_run_ends_as_an_unbroken_one(folder, trained):
    resumed = train(folder, 'resumed', '--resume', folder / 'unbroken' / 'epoch_1.pth')
    assert not (folder / 'resumed' / 'epoch_1.pth').exists()
    assert resumed['state_dict'].keys() == trained['state_dict'].keys()
    assert all(torch.equal(tensor, resumed['state_dict'][name]) for name, tensor in trained['state_dict'].items())


@pytest.mark.slow
def test_the_merged_checkpoint_scores_what_training_saw(folder, trained):
    run('merge-lora', folder / 'unbroken' / 'epoch_2.pth', folder / 'merged.pth')
    assert not any('lora' in name for name in torch.load(folder / 'merged.pth')['state_dict'])
    args = ('--data-root', folder / 'data', '--out-dir', folder / 'test', '--overlays', 0)
    run('test', folder / 'config.py', folder / 'merged.pth', *args)
    score = json.loads((folder / 'test' / 'metrics.json').read_text())['score']
    logged = load_checkpoint_file(folder / 'unbroken' / 'epoch_2.pth')['message_hub']['log_scalars']
    assert score == pytest.approx(logged['val/score'].current(), abs=1e-3)
