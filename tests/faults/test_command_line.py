"""Faults of the machine and of the user, at the command line: one sentence each, and nothing half written."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
import torch

from aurora_mm.apis import hold_work_dir, write_checkpoint
from aurora_mm.checkpoints import load_checkpoint_file
from aurora_mm.cli.main import main
from tests.faults import jobs
from tests.fixtures.checkpoints import REPO, SIZES
from tests.fixtures.waiting import LONG, wait_until

CONFIG = f"""
_base_ = ['{REPO}/configs/aurora_fmc_demo.py']
model = dict(
    backbone=dict(_delete_=True, type='Qwen3VLBackbone', preset={SIZES!r}),
    heads=dict(segmentation=dict(channels=16)))
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False, batch_sampler=dict(num_batches=2))
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = dict(num_workers=0, persistent_workers=False)
train_cfg = dict(max_epochs=2, val_interval=1)
"""


@pytest.fixture(scope='module')
def config(tmp_path_factory) -> str:
    file = tmp_path_factory.mktemp('config') / 'tiny.py'
    file.write_text(CONFIG)
    return str(file)


@pytest.fixture
def end(capsys):
    """Runs a verb that ends with an error; its exit status and what stands on stderr."""

    def run(*args: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stopped:
            main([str(arg) for arg in args])
        return stopped.value.code, capsys.readouterr().err.strip()

    return run


@pytest.fixture
def start(server, tmp_path):
    """Starts ``aurora-mm`` in another process."""
    started = []

    def run(*args: object, most_bytes: int | None = None):
        log = tmp_path / f'{len(started)}.log'
        process = server.Process(target=jobs.command_line, args=([str(arg) for arg in args], log, most_bytes))
        process.start()
        started.append(process)
        return process, log

    yield run
    for process in started:
        process.kill()
        process.join(LONG)


def without_partial(folder: Path) -> list[str]:
    assert not list(folder.rglob('*.partial'))
    return sorted(path.name for path in folder.iterdir())


# Which rows and which tasks are tested


def test_the_rows_that_are_tested_are_said_and_tasks_are_chosen(config, checkpoints, generated, tmp_path, capsys):
    out = tmp_path / 'out'
    args = [config, checkpoints[0], '--data-root', generated, '--out-dir', out, '--overlays', '0', '--split', 'all']
    main([str(arg) for arg in ('test', *args, '--tasks', 'kind', 'find')])
    said = capsys.readouterr().out
    assert f'testing on all 20 rows of {generated}; the checkpoint does not say which images it was trained on' in said
    assert list(json.loads((out / 'metrics.json').read_text())['images'].items()) == [('kind', 10), ('find', 10)]


def test_a_task_that_is_not_there(end, config, checkpoints, generated, tmp_path):
    status, said = end('test', config, checkpoints[0], '--data-root', generated, '--tasks', 'knid')
    assert (status, said.count('\n')) == (2, 0)
    assert 'kind' in said


@pytest.mark.parametrize(
    ('args', 'said'),
    [
        (('--mask-values', '0', '255'), 'no segmentation task has 2 classes'),
        (('--mask-values', '0', '7', '7'), 'are not one each for the 3 classes'),
        (('--objects', 'two'), 'invalid choice'),
        (('--mask-values', 'x'), 'invalid int value'),
    ],
)
def test_options_of_the_converters(end, generated, tmp_path, args, said):
    status, err = end('convert-dataset', 'indexmasks', generated, tmp_path / 'out', *args)
    assert status == 2
    assert re.search(said, err), err
    assert not (tmp_path / 'out').exists()


# Checkpoints


class Runs:
    def __reduce__(self):
        return os.mkdir, (os.environ['PROOF'],)


def test_a_pickle_is_read_with_trust_alone(end, config, generated, tmp_path, monkeypatch):
    proof = tmp_path / 'proof'
    monkeypatch.setenv('PROOF', str(proof))
    file = tmp_path / 'old.pth'
    torch.save(dict(state_dict={}, meta=dict(note=Runs())), file)
    args = ('test', config, file, '--data-root', generated, '--out-dir', tmp_path / 'out')
    status, said = end(*args)
    assert (status, said.count('\n'), proof.exists()) == (1, 0, False)
    assert '--trust' in said
    end(*args, '--trust')
    assert proof.exists()


@pytest.mark.parametrize('verb', ['test', 'average-checkpoints', 'publish'])
def test_weights_that_are_nan(end, config, checkpoints, generated, tmp_path, verb):
    content = load_checkpoint_file(checkpoints[0])
    name = next(name for name, tensor in content['state_dict'].items() if tensor.is_floating_point())
    content['state_dict'][name] = torch.full_like(content['state_dict'][name], torch.nan)
    file = tmp_path / 'nan.pth'
    write_checkpoint(file, content)
    out = tmp_path / 'out'
    args = {
        'test': (config, file, '--data-root', generated, '--out-dir', out),
        'average-checkpoints': (out, checkpoints[0], file),
        'publish': (file, out),
    }
    status, said = end(verb, *args[verb])
    assert status == 1
    assert 'nan.pth' in said
    assert name in said


@pytest.mark.parametrize('content', [None, b'', b'no checkpoint', pickle.dumps(3), b'PK\3\4'])
@pytest.mark.parametrize('how', ['--resume', '--load-from', 'test'])
def test_a_checkpoint_that_is_none(end, config, generated, tmp_path, how, content):
    file = tmp_path / 'a.pth'
    if content is not None:
        file.write_bytes(content)
    out = tmp_path / 'out'
    args = (
        ('test', config, file, '--out-dir', out) if how == 'test' else ('train', config, how, file, '--work-dir', out)
    )
    status, said = end(*args, '--data-root', generated)
    assert (status, said.count('\n')) == (1, 0), said
    assert str(file) in said
    assert not out.exists()


# Folders


@pytest.mark.parametrize('verb', ['train', 'test'])
def test_two_runs_in_one_folder(end, config, checkpoints, generated, tmp_path, monkeypatch, verb):
    """POSIX locks are of a process: another one holds the folder here."""
    out = tmp_path / 'out'
    out.mkdir()
    pid = os.fork()
    if pid == 0:
        with hold_work_dir(out):
            (tmp_path / 'held').touch()
            time.sleep(LONG)
        os._exit(0)
    try:
        wait_until((tmp_path / 'held').exists)
        args = (config, '--work-dir', out) if verb == 'train' else (config, checkpoints[0], '--out-dir', out)
        status, said = end(verb, *args, '--data-root', generated)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert status == 1
    assert f'the work dir {out} is in use by process {pid} on {socket.gethostname()}' in said
    assert without_partial(out) == ['.in_use']


@pytest.mark.parametrize('verb', ['train', 'test', 'compare', 'ablation', 'average-checkpoints', 'report'])
def test_an_output_that_is_a_file(end, config, checkpoints, generated, run_of_training, tmp_path, verb):
    out = tmp_path / 'out'
    out.write_text('mine')
    args = {
        'train': (config, '--data-root', generated, '--work-dir', out),
        'test': (config, checkpoints[0], '--data-root', generated, '--out-dir', out),
        'compare': (run_of_training, '--out', out),
        'ablation': (config, '--data-root', generated, '--out', out),
        'average-checkpoints': (out / 'averaged.pth', checkpoints[0], checkpoints[0]),
        'report': (run_of_training, '--out', out / 'report.html'),
    }
    status, said = end(verb, *args[verb])
    assert (status, said.count('\n')) == (1, 0), said
    assert str(out) in said
    assert out.read_text() == 'mine'


@pytest.fixture
def run_of_training(tmp_path) -> Path:
    from tests.fixtures.run_folder import write_run_folder

    folder = write_run_folder(tmp_path / 'made')
    (log,) = folder.glob('*/vis_data')
    (log / 'config.py').write_text((folder / 'test' / 'tiny.py').read_text())
    return folder


@pytest.mark.skipif(sys.platform != 'linux', reason='/proc is Linux')
@pytest.mark.parametrize('verb', ['train', 'compare', 'make-demo-data'])
def test_a_folder_that_cannot_be_written(end, config, generated, run_of_training, verb):
    """/proc takes no files, from nobody."""
    args = {
        'train': (config, '--data-root', generated, '--work-dir', '/proc/run'),
        'compare': (run_of_training, '--out', '/proc/run'),
        'make-demo-data': ('/proc/run', '--images-per-task', '1'),
    }
    status, said = end(verb, *args[verb])
    assert (status, said.count('\n')) == (1, 0), said
    assert '/proc/run' in said


# A full disk, Ctrl-C and SIGKILL


@pytest.mark.long
def test_a_disk_that_is_full(start, config, generated, tmp_path):
    """Logs fit, checkpoints do not: one sentence, and neither a half checkpoint nor a name of one."""
    out = tmp_path / 'run'
    process, log = start('train', config, '--data-root', generated, '--work-dir', out, most_bytes=100_000)
    process.join(LONG)
    assert process.exitcode == 1, log.read_text()
    assert 'error: ' in log.read_text().splitlines()[-1]
    assert 'File too large' in log.read_text().splitlines()[-1]
    assert 'Traceback' not in log.read_text()
    assert not list(out.glob('*.pth'))
    assert 'last_checkpoint' not in without_partial(out)


@pytest.mark.long
def test_ctrl_c_then_resume(start, config, generated, tmp_path):
    """With so many epochs that no run ends before it is stopped."""
    out = tmp_path / 'run'
    args = ('train', config, '--data-root', generated, '--work-dir', out, '--cfg-options', 'train_cfg.max_epochs=999')
    process, log = start(*args)
    wait_until((out / 'last_checkpoint').exists, process.is_alive)
    os.kill(process.pid, signal.SIGINT)
    process.join(LONG)
    assert process.exitcode == 130, log.read_text()
    last = Path((out / 'last_checkpoint').read_text())
    assert log.read_text().splitlines()[-1] == f'interrupted; add --resume to go on from {last}'
    assert 'Traceback' not in log.read_text()
    without_partial(out)
    process, log = start(*args, '--resume')
    following = last.with_name(f'epoch_{int(last.stem.split("_")[1]) + 1}.pth')
    wait_until(following.exists, process.is_alive)
    assert process.is_alive(), log.read_text()
    assert last.name in log.read_text()
