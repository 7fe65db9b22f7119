"""The whole chain as a user runs it: generate, train, stop, resume, test."""

import csv
import json
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from aurora_mm.submission import score_submission
from aurora_mm.tasks import TaskTable
from tests.fixtures.verbs import refused, run, run_apart, start
from tests.fixtures.waiting import wait_until

REPO = Path(__file__).resolve().parents[1]
TASKS = """
tasks = [
    dict(name='organs', type='segmentation', classes=['background', 'a', 'b']),
    dict(name='kind', type='classification', classes=['x', 'y']),
    dict(name='find', type='detection', classes=['lesion']),
    dict(name='ends', type='landmark', points=['left', 'right'], swaps=[('left', 'right')]),
]
"""
COMMON = ('task_id', 'task_name', 'num_classes', 'image_path', 'mask_path')
# Small enough for seconds, with the demo's own parts: augmentation, workers, dropout, accumulation across an epoch's
# end (5 steps an epoch, an update every 2), balancing, and sampling by the scores of the epoch before.
CONFIG = f"""
_base_ = ['{REPO}/configs/aurora_fmc_demo.py']
_sizes = dict(depth=4, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)
tasks = {{tasks}}
model = dict(
    backbone=dict(_delete_=True, type='Qwen3VLBackbone', preset=_sizes),
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
    batch_size=4,
    batch_sampler=dict(num_batches=5, policy=dict(_delete_=True, type='ScoreGapPolicy', gap_power=3.0)),
)
test_dataloader = dict(num_workers=0, persistent_workers=False)
train_cfg = dict(max_epochs=3, val_interval=1)
optim_wrapper = dict(type='AccumulatingOptimWrapper', accumulative_counts=2)
"""


def state(work_dir):
    return torch.load(work_dir / 'epoch_3.pth')['state_dict']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('chain')
    (path / 'tasks.py').write_text(TASKS)
    (path / 'config.py').write_text(CONFIG.format(tasks=TASKS.split('=', 1)[1].strip()))
    run('make-demo-data', path / 'data', '--tasks', path / 'tasks.py', '--images-per-task', 10, '--workers', 1)
    return path


@pytest.fixture(scope='module')
def trained(folder):
    args = ('--data-root', folder / 'data', '--work-dir', folder / 'unbroken')
    output = run_apart('train', folder / 'config.py', *args)
    return folder / 'unbroken', output


def test_training_scores_every_task_and_logs_it(trained):
    work_dir, output = trained
    assert 'trained 3 epochs' in output
    (log,) = work_dir.glob('*/*.log')
    assert 'tasks after epoch 3' in log.read_text()
    scalars = [
        json.loads(line) for file in work_dir.glob('*/vis_data/scalars.json') for line in file.read_text().splitlines()
    ]
    keys = {key for entry in scalars for key in entry}
    for task in ('organs', 'kind', 'find', 'ends'):
        assert {f'task_loss/{task}', f'task_weight/{task}', f'task_prob/{task}', f'{task}/primary'} <= keys
    score = next(entry['score'] for entry in scalars if 'score' in entry)
    assert 0 < score < 1
    assert list(work_dir.glob('best_score_epoch_*.pth'))


@pytest.mark.long
def test_a_run_killed_and_resumed_ends_with_the_weights_of_an_unbroken_one(folder, trained):
    work_dir = folder / 'broken'
    args = (folder / 'config.py', '--data-root', folder / 'data', '--work-dir', work_dir)
    process = start('train', *args, start_new_session=True)
    wait_until((work_dir / 'last_checkpoint').exists, lambda: process.poll() is None)
    assert process.poll() is None, process.communicate()[0]
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (work_dir / 'epoch_3.pth').exists(), 'killed too late to show anything'
    run_apart('train', *args, '--resume')
    unbroken, resumed = state(trained[0]), state(work_dir)
    assert unbroken.keys() == resumed.keys()
    assert all(torch.equal(unbroken[name], resumed[name]) for name in unbroken)


@pytest.fixture(scope='module')
def tested(folder, trained):
    out = folder / 'test'
    checkpoint = trained[0] / 'epoch_3.pth'
    config, data = folder / 'config.py', folder / 'data'
    return out, run('test', config, checkpoint, '--data-root', data, '--out-dir', out, '--constant', '--submission')


def test_testing_writes_scores_report_and_pictures(tested):
    out, output = tested
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
    assert TaskTable(metrics['table'])['organs'].classes == ('background', 'a', 'b')
    assert metrics['images'] == dict.fromkeys(metrics['tasks'], 2)
    assert metrics['score'] == pytest.approx(sum(metrics['types'].values()) / 4)
    assert metrics['constant']['tasks'].keys() == metrics['tasks'].keys()
    table, breakdowns = (out / 'report.md').read_text().split('\n\n', 1)
    assert table in output
    assert '| organs | a | 2 | DSC ' in breakdowns
    assert '| ends | left | 2 | error ' in breakdowns
    assert (out / 'overlays.png').stat().st_size > 10_000
    for task in official:
        low, high = metrics['intervals']['tasks'][task]['primary']
        assert low <= metrics['tasks'][task]['primary'] <= high


def test_a_submission_is_scored_without_the_model_to_the_same_numbers(folder, tested, tmp_path):
    out, _ = tested
    args = ('--split', 'val', '--tasks', folder / 'tasks.py', '--workers', 2)
    output = run('score', folder / 'data', out / 'submission', *args, '--out-dir', tmp_path)
    assert '8 of 8 images scored' in output
    assert 'problem' not in output
    ours, theirs = (json.loads((path / 'metrics.json').read_text()) for path in (tmp_path, out))
    for task, metrics in ours['tasks'].items():
        assert metrics == {name: theirs['tasks'][task][name] for name in metrics}
    for key in ('types', 'score', 'task_mean', 'intervals', 'table'):
        assert ours[key] == theirs[key]
    assert (tmp_path / 'per_image.csv').read_bytes() == (out / 'per_image.csv').read_bytes()
    assert (tmp_path / 'report.md').read_text().split('\n\n', 1)[1] in (out / 'report.md').read_text()


def test_data_without_labels_is_predicted_whole(folder, trained, tmp_path):
    data = shutil.copytree(folder / 'data', tmp_path / 'data')
    for file in (data / 'csv_files').glob('*.csv'):
        rows = list(csv.reader(file.read_text().splitlines()))
        kept = [i for i, name in enumerate(rows[0]) if name in COMMON]
        file.write_text('\n'.join(','.join(row[i] for i in kept) for row in rows[:4]))
    for masks in data.rglob('masks'):
        shutil.rmtree(masks)
    args = (folder / 'config.py', trained[0] / 'epoch_3.pth', '--data-root', data, '--out-dir', tmp_path / 'out')
    assert 'nothing was scored' in run('test', *args, '--submission', '--overlays', 0)
    submission = tmp_path / 'out' / 'submission'
    assert len(list(submission.rglob('*.png'))) == 3
    assert [len(json.loads(path.read_text())) for path in sorted(submission.glob('*.json'))] == [3, 3, 3]
    # Against the labels that were taken away: all 12 rows are there, and the other 28 are named.
    result = score_submission(folder / 'data', submission, TaskTable(Config.fromfile(folder / 'tasks.py').tasks))
    assert sum(result.scored.values()) == 12
    assert len(result.problems) == 28


@pytest.mark.long
def test_an_ensemble_with_views_writes_a_submission_and_the_report_shows_it(folder, trained):
    out, work_dir = folder / 'views', trained[0]
    checkpoints = [work_dir / 'epoch_2.pth', work_dir / 'epoch_3.pth']
    args = ('--data-root', folder / 'data', '--out-dir', out, '--tta', '1', '1.25', '--submission')
    run('test', folder / 'config.py', *checkpoints, *args)
    assert 0 < json.loads((out / 'metrics.json').read_text())['score'] < 1
    assert 'report.html' in run('report', work_dir, '--results', out)
    html = (out / 'report.html').read_text()
    assert 'Validation score by epoch' in html
    assert html.count('data:image/jpeg') >= 4


def test_missing_data_and_missing_weights_end_with_one_message(folder, tmp_path):
    config = folder / 'config.py'
    status, output = refused('train', config, '--data-root', tmp_path / 'nowhere', '--work-dir', tmp_path)
    assert status == 1
    assert 'nowhere' in output
    assert 'aurora-mm make-demo-data' in output
    assert 'Traceback' not in output
    args = ('--data-root', folder / 'data', '--work-dir', tmp_path, '--pretrained', tmp_path / 'absent')
    status, output = refused('train', config, *args)
    assert status == 1
    assert '--pretrained none' in output
    assert 'Traceback' not in output


def test_a_checkpoint_is_refused_data_of_tasks_it_does_not_know(folder, trained, tmp_path):
    tasks, data = tmp_path / 'tasks.py', tmp_path / 'data'
    tasks.write_text("tasks = [dict(name='spleen', type='detection', classes=['spleen'])]")
    run('make-demo-data', data, '--tasks', tasks, '--images-per-task', 5, '--workers', 1)
    status, output = refused('test', folder / 'config.py', trained[0] / 'epoch_3.pth', '--data-root', data)
    assert status == 1
    assert "task 'spleen' is none of the tasks that" in ' '.join(output.split())
