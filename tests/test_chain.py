"""The whole chain as a user runs it: generate, train, stop, resume, test."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

REPO = Path(__file__).resolve().parents[1]
TASKS = """
tasks = [
    dict(name='organs', type='segmentation', classes=['background', 'a', 'b']),
    dict(name='kind', type='classification', classes=['x', 'y']),
    dict(name='find', type='detection', classes=['lesion']),
    dict(name='ends', type='landmark', points=['left', 'right'], swaps=[('left', 'right')]),
]
"""
# Small enough for seconds, with the demo's own parts: augmentation, workers, dropout, accumulation across an epoch's
# end (5 steps an epoch, an update every 2), balancing, and sampling by the scores of the epoch before.
CONFIG = f"""
_base_ = ['{REPO}/configs/aurora_fmc_demo.py']
_sizes = dict(depth=4, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)
tasks = {{tasks}}
model = dict(
    backbone=dict(_delete_=True, type='Qwen3VLBackbone', preset=_sizes),
    neck=dict(pyramid=dict(out_channels=16), pooled=dict(out_channels=16)),
    heads=dict(
        segmentation=dict(channels=16),
        classification=dict(hidden_channels=16),
        detection=dict(channels=16),
        landmark=dict(hidden_channels=16),
    ),
)
train_dataloader = dict(
    batch_size=4,
    batch_sampler=dict(num_batches=5, policy=dict(_delete_=True, type='ScoreGapPolicy', gap_power=3.0)),
)
train_cfg = dict(max_epochs=3, val_interval=1)
optim_wrapper = dict(accumulative_counts=2)
"""


def tool(name, *args, **kwargs):
    env = os.environ | {'OMP_NUM_THREADS': '1'}
    command = [sys.executable, str(REPO / 'tools' / name), *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, **kwargs)


def run(name, *args):
    process = tool(name, *args)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def state(work_dir):
    return torch.load(work_dir / 'epoch_3.pth', weights_only=False)['state_dict']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('chain')
    (path / 'tasks.py').write_text(TASKS)
    (path / 'config.py').write_text(CONFIG.format(tasks=TASKS.split('=', 1)[1].strip()))
    run('make_demo_data.py', path / 'data', '--tasks', path / 'tasks.py', '--images-per-task', 10, '--workers', 1)
    return path


@pytest.fixture(scope='module')
def trained(folder):
    output = run('train.py', folder / 'config.py', '--data-root', folder / 'data', '--work-dir', folder / 'unbroken')
    return folder / 'unbroken', output


def test_training_scores_every_task_and_logs_it(trained):
    work_dir, output = trained
    assert 'tasks after epoch 3' in output
    scalars = [
        json.loads(line) for file in work_dir.glob('*/vis_data/scalars.json') for line in file.read_text().splitlines()
    ]
    keys = {key for entry in scalars for key in entry}
    for task in ('organs', 'kind', 'find', 'ends'):
        assert {f'task_loss/{task}', f'task_weight/{task}', f'task_prob/{task}', f'{task}/primary'} <= keys
    score = next(entry['score'] for entry in scalars if 'score' in entry)
    assert 0 < score < 1
    assert list(work_dir.glob('best_score_epoch_*.pth'))


def test_a_run_killed_and_resumed_ends_with_the_weights_of_an_unbroken_one(folder, trained):
    work_dir = folder / 'broken'
    args = (folder / 'config.py', '--data-root', folder / 'data', '--work-dir', work_dir)
    process = tool('train.py', *args, start_new_session=True)
    deadline = time.monotonic() + 240
    while not (work_dir / 'last_checkpoint').exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, 'no checkpoint in time'
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (work_dir / 'epoch_3.pth').exists(), 'killed too late to show anything'
    run('train.py', *args, '--resume')
    unbroken, resumed = state(trained[0]), state(work_dir)
    assert unbroken.keys() == resumed.keys()
    assert all(torch.equal(unbroken[name], resumed[name]) for name in unbroken)


def test_testing_writes_scores_report_and_pictures(folder, trained):
    out = folder / 'test'
    checkpoint = trained[0] / 'epoch_3.pth'
    config, data = folder / 'config.py', folder / 'data'
    output = run('test.py', config, checkpoint, '--data-root', data, '--out-dir', out, '--constant')
    metrics = json.loads((out / 'metrics.json').read_text())
    official = {
        'organs': {'DSC', 'HD', 'mmseg/mIoU'},
        'kind': {'AUC', 'F1_macro', 'F1_weighted', 'Accuracy', 'MCC'},
        'find': {'IoU', 'coco/bbox_mAP'},
        'ends': {'MRE'},
    }
    for task, names in official.items():
        assert names <= metrics['tasks'][task].keys()
        assert (out / 'overlays' / task).is_dir()
    assert metrics['score'] == pytest.approx(sum(metrics['types'].values()) / 4)
    assert metrics['constant']['tasks'].keys() == metrics['tasks'].keys()
    assert (out / 'report.md').read_text() in output
    assert (out / 'overlays.png').stat().st_size > 10_000


def test_missing_data_and_missing_weights_end_with_one_message(folder, tmp_path):
    process = tool('train.py', folder / 'config.py', '--data-root', tmp_path / 'nowhere', '--work-dir', tmp_path)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert 'nowhere' in output
    assert 'make_demo_data.py' in output
    assert 'Traceback' not in output
    args = ('--data-root', folder / 'data', '--work-dir', tmp_path, '--pretrained', tmp_path / 'absent')
    process = tool('train.py', folder / 'config.py', *args)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert '--pretrained none' in output
    assert 'Traceback' not in output


def test_a_checkpoint_is_refused_data_of_tasks_it_does_not_know(folder, trained, tmp_path):
    (tmp_path / 'tasks.py').write_text("tasks = [dict(name='spleen', type='detection', classes=['spleen'])]")
    data = tmp_path / 'data'
    run('make_demo_data.py', data, '--tasks', tmp_path / 'tasks.py', '--images-per-task', 5, '--workers', 1)
    process = tool('test.py', folder / 'config.py', trained[0] / 'epoch_3.pth', '--data-root', data)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert 'was not trained for: spleen' in output
