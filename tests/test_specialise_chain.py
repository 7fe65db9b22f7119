"""The second stage as a user runs it: train a joint model, specialise it, test the result."""

import json

import pytest
import torch

from aurora_mm.apis import MultiTaskInferencer
from tests.fixtures.verbs import refused, run
from tests.test_chain import CONFIG, TASKS

NO_WORKERS = [
    f'{name}.{key}'
    for name in ('train_dataloader', 'val_dataloader')
    for key in ('num_workers=0', 'persistent_workers=False')
]
# Two tasks share the joint model's head for segmentation.
BOTH = (
    TASKS.rstrip().removesuffix(']') + "    dict(name='lumps', type='segmentation', classes=['background', 'lump']),\n]"
)
SPECIALISE = """
_base_ = ['./config.py']
model = dict(
    own_heads=True,
    adapter=dict(type='TaskBottleneckAdapter', channels=8),
    frozen=['backbone', 'detail', 'necks'],
    balancer=None,
    backbone=dict(preset=dict(hidden_size=96)),  # the joint model's encoder is adopted all the same
)
train_cfg = dict(max_epochs=2)
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-2))
param_scheduler = [dict(type='CosineAnnealingLR', T_max=2, convert_to_iter_based=True)]
default_hooks = dict(start_from=dict(type='StartFromHook'), best_of_task=dict(type='BestOfTaskHook'))
custom_hooks = []
"""


def load(file):
    return torch.load(file, weights_only=False)


def scores(work_dir):
    """What each validation found, by epoch."""
    lines = [line for file in work_dir.glob('*/vis_data/scalars.json') for line in file.read_text().splitlines()]
    return {entry['step']: entry for entry in map(json.loads, lines) if 'score' in entry}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('specialise_chain')
    (path / 'tasks.py').write_text(BOTH)
    (path / 'config.py').write_text(CONFIG.format(tasks=BOTH.split('=', 1)[1].strip()))
    (path / 'specialise.py').write_text(SPECIALISE)
    run('make-demo-data', path / 'data', '--tasks', path / 'tasks.py', '--images-per-task', 6, '--workers', 1)
    args = ('--data-root', path / 'data', '--work-dir', path / 'joint')
    run('train', path / 'config.py', *args, '--cfg-options', 'train_cfg.max_epochs=1', *NO_WORKERS)
    return path


@pytest.fixture(scope='module')
def specialised(folder):
    args = ('--data-root', folder / 'data', '--work-dir', folder / 'own', '--load-from', folder / 'joint/epoch_1.pth')
    return folder / 'own', run('train', folder / 'specialise.py', *args, '--cfg-options', *NO_WORKERS)


def test_only_what_is_the_tasks_own_moves(folder, specialised):
    work_dir, _ = specialised
    joint, own = (load(file)['state_dict'] for file in (folder / 'joint/epoch_1.pth', work_dir / 'epoch_2.pth'))
    shared = [name for name in own if name.startswith(('backbone.', 'necks.'))]
    assert shared
    assert all(torch.equal(own[name], joint[name]) for name in shared)
    for name in ('fusion.laterals.0.conv.weight', 'fusion.fusions.0.conv.weight'):
        organs, lumps, before = (
            own[f'heads.organs.{name}'],
            own[f'heads.lumps.{name}'],
            joint[f'heads.segmentation.{name}'],
        )
        assert not torch.equal(organs, before)
        assert not torch.equal(lumps, before)
        assert not torch.equal(organs, lumps)
    assert all(own[f'adapters.{task}.levels.3.up.weight'].abs().max() > 0 for task in ('organs', 'ends'))


def test_it_starts_with_the_scores_of_the_joint_model(folder, specialised):
    joint, start = scores(folder / 'joint')[1], scores(specialised[0])[0]
    names = [name for name in joint if name.endswith('/primary')]
    assert len(names) == 5
    assert {name: start[name] for name in names} == {name: joint[name] for name in names}


def test_the_best_of_each_task_is_tested_with_the_same_config(folder, specialised):
    work_dir, output = specialised
    assert 'best of each task' in output
    checkpoint = work_dir / 'best_of_tasks.pth'
    run('test', folder / 'specialise.py', checkpoint, '--data-root', folder / 'data', '--overlays', 0)
    found = json.loads((work_dir / 'test' / 'metrics.json').read_text())['tasks']
    validations = scores(work_dir)
    assert set(validations) == {0, 1, 2}
    for task, best in load(checkpoint)['meta']['best_of_task'].items():
        seen = {epoch: entry[f'{task}/primary'] for epoch, entry in validations.items()}
        assert best['score'] == pytest.approx(max(seen.values()), abs=1e-6)
        assert found[task]['primary'] == pytest.approx(best['score'], abs=1e-4)
    inferencer = MultiTaskInferencer(checkpoint, show_progress=False)
    image = next((folder / 'data').rglob('*.png'))
    assert inferencer([image], task='kind')['predictions'][0]['label'] in ('x', 'y')


def test_without_weights_and_with_two_encoders_it_is_refused(folder, tmp_path):
    args = (folder / 'specialise.py', '--data-root', folder / 'data', '--work-dir', tmp_path)
    for more in ((), ('--load-from', folder / 'joint/epoch_1.pth', '--pretrained', 'none')):
        status, output = refused('train', *args, *more)
        assert status == 2
        assert '--load-from' in output
        assert 'Traceback' not in output


@pytest.mark.slow
def test_resumed_it_ends_the_same_with_or_without_the_joint_checkpoint(folder, specialised):
    unbroken = load(specialised[0] / 'best_of_tasks.pth')['state_dict']
    for name, more in dict(with_it=('--load-from', folder / 'joint/epoch_1.pth'), without=()).items():
        work_dir = folder / name
        work_dir.mkdir()
        first = work_dir / 'epoch_1.pth'
        first.write_bytes((specialised[0] / 'epoch_1.pth').read_bytes())
        (work_dir / 'last_checkpoint').write_text(str(first))
        args = ('--data-root', folder / 'data', '--work-dir', work_dir, '--resume', *more)
        run('train', folder / 'specialise.py', *args, '--cfg-options', *NO_WORKERS)
        resumed = load(work_dir / 'best_of_tasks.pth')['state_dict']
        assert all(torch.equal(tensor, resumed[key]) for key, tensor in unbroken.items())


# Of the joint model's tasks 'organs' stays, 'lumps' gets other classes, 'plane' is new.
OTHERS = """
tasks = [
    dict(name='organs', type='segmentation', classes=['background', 'a', 'b']),
    dict(name='lumps', type='segmentation', classes=['background', 'cyst', 'nodule']),
    dict(name='plane', type='classification', classes=['head', 'femur']),
]
"""


@pytest.fixture(scope='module')
def moved(folder):
    """A training for other tasks that starts from the joint model."""
    (folder / 'others.py').write_text(OTHERS)
    data = folder / 'other_data'
    run('make-demo-data', data, '--tasks', folder / 'others.py', '--images-per-task', 6, '--workers', 1)
    args = [
        '--data-root',
        data,
        '--tasks',
        folder / 'others.py',
        '--cfg-options',
        'train_cfg.max_epochs=2',
        *NO_WORKERS,
    ]
    start = ['--work-dir', folder / 'moved', '--load-from', folder / 'joint/epoch_1.pth']
    return args, run('train', folder / 'config.py', *start, *args)


def test_other_tasks_start_from_the_joint_model(folder, moved):
    _, output = moved
    layers = 'heads.segmentation.outputs.layers'
    assert f'start with initial values: {layers}.lumps, heads.classification.outputs\n' in output
    assert f'are not used: {layers}.lumps, ' in output
    assert ', heads.landmark' in output
    content = load(folder / 'moved/epoch_2.pth')
    names = {task['name'] for task in content['meta']['dataset_meta']['tasks']}
    assert names == {'organs', 'lumps', 'plane'}
    image = next((folder / 'other_data').rglob('*.png'))
    inferencer = MultiTaskInferencer(folder / 'moved/epoch_2.pth', show_progress=False)
    assert inferencer([image], task='plane')['predictions'][0]['label'] in ('head', 'femur')


@pytest.mark.slow
@pytest.mark.parametrize('with_joint', [True, False])
def test_a_training_for_other_tasks_can_be_resumed(folder, moved, tmp_path, with_joint):
    args, _ = moved
    first = tmp_path / 'epoch_1.pth'
    first.write_bytes((folder / 'moved/epoch_1.pth').read_bytes())
    (tmp_path / 'last_checkpoint').write_text(str(first))
    more = ('--load-from', folder / 'joint/epoch_1.pth') if with_joint else ()
    run('train', folder / 'config.py', '--work-dir', tmp_path, '--resume', *more, *args)
    unbroken, resumed = (load(path / 'epoch_2.pth')['state_dict'] for path in (folder / 'moved', tmp_path))
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in unbroken.items())


def test_parts_that_start_anew_are_named_by_an_option(folder, tmp_path):
    """The config has no StartFromHook, and its detector is of another kind than the joint model's."""
    args = ('--data-root', folder / 'data', '--work-dir', tmp_path, '--load-from', folder / 'joint/epoch_1.pth')
    other = ('train_cfg.max_epochs=1', 'model.heads.detection.channels=24', *NO_WORKERS)
    status, output = refused('train', folder / 'config.py', *args, '--cfg-options', *other)
    assert status == 1
    assert 'Traceback' not in output
    assert 'heads.detection' in output and 'new_parts of StartFromHook' in output
    hook = ('default_hooks.start_from.type=StartFromHook', 'default_hooks.start_from.new_parts=heads.detection,')
    output = run('train', folder / 'config.py', *args, '--cfg-options', *hook, *other)
    assert 'start with initial values: heads.detection\n' in output
    assert 'are not used: heads.detection\n' in output
