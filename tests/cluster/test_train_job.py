"""A submitted training, with submitit's executor for this machine in the place of Slurm's."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from aurora_mm.checkpoints import load_checkpoint_file
from aurora_mm.cli.main import main
from aurora_mm.cluster.train_job import TrainJob
from aurora_mm.errors import AuroraError
from tests.faults.test_command_line import CONFIG, LONG

submitit = pytest.importorskip('submitit')


def children(pid):
    return [int(child) for child in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]


def training(data_root):
    return ['--', 'configs/aurora_fmc.py', '--data-root', str(data_root), '--pretrained', 'none']


def wait_until(true, job):
    deadline = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < deadline and not job.done(), (job.stdout(), job.stderr())
        time.sleep(0.1)


@pytest.mark.skipif(sys.platform != 'linux', reason='/proc is Linux')
@pytest.mark.long
def test_a_preempted_job_is_requeued_and_goes_on(generated, tmp_path):
    """submitit's signal; its handler calls the job's checkpoint, and it starts the job again."""
    config, out = tmp_path / 'tiny.py', tmp_path / 'run'
    text = CONFIG.replace('num_batches=2', 'num_batches=60').replace('val_interval=1', 'val_interval=99')
    config.write_text(text.replace('max_epochs=2', 'max_epochs=1') + 'default_hooks = dict(logger=dict(interval=1))\n')
    executor = submitit.AutoExecutor(tmp_path / 'logs', cluster='local')
    executor.update_parameters(timeout_min=60)
    job = executor.submit(TrainJob([str(config), '--data-root', str(generated), '--work-dir', str(out)]))
    steps = lambda: [file for file in out.glob('*/vis_data/scalars.json') if file.read_text().count('\n') > 2]  # noqa: E731
    wait_until(steps, job)
    (task,) = children(job.job_id)
    os.kill(task, signal.SIGUSR2)
    assert job.result() == 'trained'
    assert 'Requeued job' in job.stdout()
    assert 'stopped by SIGUSR1 after step' in job.stderr()
    assert load_checkpoint_file(out / 'epoch_1.pth')['meta']['iter'] == 60
    first, second = (file.read_text().splitlines() for file in sorted(out.glob('*/vis_data/scalars.json')))
    logged = [json.loads(line) for line in first + second]
    assert [line['step'] for line in logged if 'loss' in line] == list(range(1, 61))


@pytest.mark.long
def test_a_failed_training_fails_the_job(tmp_path, capfd):
    with pytest.raises(AuroraError, match='ended with status 2'):
        TrainJob(['no_such_config.py'])()
    assert 'no_such_config.py' in capfd.readouterr().err


def test_a_signal_before_the_training_has_begun_requeues_the_job():
    assert TrainJob(['a.py']).checkpoint().function.arguments == ['a.py']


@pytest.fixture
def refused(capsys):
    def run(*args):
        with pytest.raises(SystemExit) as stop:
            main(['submit', *args])
        return stop.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['--', 'a.py', '--resume'], 'sets --resume and --launcher itself'),
        (['--', 'a.py', '--no-such-option'], 'unrecognized arguments: --no-such-option'),
        (['--cluster', 'local', '--gpus', '2', '--', 'a.py'], '--cluster local runs one process'),
        (
            ['--cluster', 'local', '--slurm', 'partition', '--', 'a.py'],
            '--slurm partition: an option is written KEY=VALUE',
        ),
        (['--slurm', 'partition=', '--', 'a.py'], '--slurm partition=: an option is written KEY=VALUE'),
        (['--slurm', 'qos=a', 'qos=b', '--', 'a.py'], '--slurm qos=b: qos is there twice'),
        (['--slurm', 'time=5', '--', 'a.py'], '--slurm time=5: this option is set by one of'),
        (['--slurm', 'ntasks-per-node=5', '--', 'a.py'], 'this option is set by one of'),
        (['--slurm', 'qos=a\nrm x', '--', 'a.py'], r"--slurm 'qos=a\nrm x' is not one printable line"),
        (['--name', 'a\nrm x', '--', 'a.py'], r"--name 'a\nrm x' is not one printable line"),
        (['--nodes', '0', '--', 'a.py'], '--nodes 0: a number from 1 to 100000 is needed'),
        (['--gpus', '-1', '--', 'a.py'], '--gpus -1: a number from 0 to 100000 is needed'),
        (['--cpus', '0', '--', 'a.py'], '--cpus 0: a number from 1 to 100000 is needed'),
        (['--time', '-5', '--', 'a.py'], '--time -5: a number from 1 to 100000 is needed'),
        (['--notice', '0', '--', 'a.py'], '--notice 0: a number from 1 to 100000 is needed'),
        (['--nodes', '9' * 30, '--', 'a.py'], 'a number from 1 to 100000 is needed'),
        (['--name', ' ', '--', 'a.py'], "--name ' ' is not one printable line"),
        (['--logs', 'a\nrm x', '--', 'a.py'], r"--logs 'a\nrm x' is not one printable line"),
        (['--logs', 'logs/%j', '--', 'a.py'], '--logs logs/%j: Slurm replaces what follows %'),
        (['--slurm', 'par tition=gpu', '--', 'a.py'], 'an option is written KEY=VALUE, with the long name of sbatch'),
        (['--slurm', 'p=gpu', '--', 'a.py'], 'an option is written KEY=VALUE, with the long name of sbatch as KEY'),
        (['--slurm', 'gres=gpu:3', '--', 'a.py'], '--slurm gres=gpu:3: this option is set by one of'),
        (['--slurm', 'wrap=rm x', '--', 'a.py'], '--slurm wrap=rm x: this option is set by one of'),
        (['--time', '2', '--notice', '120', '--', 'a.py'], '--notice 120: the time limit has 120 seconds'),
    ],
)
def test_what_cannot_be_submitted_is_refused(refused, args, message):
    status, told = refused(*args)
    assert status == 2
    assert message in told


def test_a_machine_without_slurm_is_told(refused, monkeypatch):
    monkeypatch.setenv('PATH', '')
    assert 'there is no sbatch on this machine' in refused('--', 'a.py')[1]


def test_a_config_that_cannot_be_used_is_told_before_the_job_waits(refused):
    local = ('--cluster', 'local', '--')
    assert 'no config at nowhere.py' in refused(*local, 'nowhere.py')[1]
    misspelt = refused(*local, 'configs/aurora_fmc.py', '--cfg-options', 'train_cfg.max_epoch=3')[1]
    assert 'train_cfg.max_epoch: unknown; did you mean max_epochs?' in misspelt


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--data-root', '{}/nowhere'], 'nowhere: no such folder'),
        (['--data-root', '{}', '--fold', '3'], 'no fold 3: '),
        (['--data-root', '{}', '--tasks', 'lungs', '--pretrained', 'none'], "'lungs'"),
        (['--data-root', '{}', '--load-from', '{}/no.pth'], 'no checkpoint at '),
        (['--data-root', '{}', '--pretrained', '{}/no_weights'], 'no_weights'),
    ],
)
def test_data_tasks_and_weights_that_are_not_there_are_told_before_the_job_waits(refused, generated, options, message):
    given = [option.format(generated) for option in options]
    told = refused('--cluster', 'local', '--', 'configs/aurora_fmc.py', *given)[1]
    assert message in told


@pytest.mark.parametrize(
    ('answer', 'message'),
    [
        ('echo "sbatch: error: invalid partition" >&2; exit 1', 'sbatch did not take the job: sbatch: error: invalid'),
        ('exit 1', 'sbatch did not take the job: it says nothing'),
        ('echo hello', 'sbatch did not take the job: Could not make sense of sbatch output "hello"'),
    ],
)
def test_a_job_that_slurm_refuses(refused, monkeypatch, tmp_path, generated, answer, message):
    for name in ('sbatch', 'srun'):
        (tmp_path / name).write_text(f'#!/bin/sh\n{answer}\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    status, told = refused('--logs', str(tmp_path / 'logs'), *training(generated))
    assert status == 1
    assert message in told


def test_slurms_script_requeues_and_starts_a_process_for_each_gpu(monkeypatch, tmp_path, generated, capsys):
    """The job is written by submitit's own executor for Slurm; only sbatch is another program."""
    sbatch = tmp_path / 'bin/sbatch'
    sbatch.parent.mkdir()
    sbatch.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/script\necho Submitted batch job 7\n')
    sbatch.chmod(0o755)
    for name in ('srun', 'scontrol'):
        (sbatch.parent / name).symlink_to(sbatch)
    monkeypatch.setenv('PATH', f'{sbatch.parent}:{os.environ["PATH"]}')
    options = ['--nodes', '2', '--gpus', '4', '--slurm', 'partition=gpu', '--logs', str(tmp_path / 'logs')]
    main(['submit', *options, *training(generated)])
    assert 'job 7' in capsys.readouterr().out
    script = (tmp_path / 'script').read_text()
    for line in (
        '--nodes=2',
        '--ntasks-per-node=4',
        '--gpus-per-node=4',
        '--partition=gpu',
        '--time=1440',
        '--signal=USR2@180',
        '--open-mode=append',
    ):
        assert f'#SBATCH {line}' in script
    delayed = submitit.core.utils.DelayedSubmission.load(tmp_path / 'logs/7_submitted.pkl')
    assert delayed.function.arguments == [*training(generated)[1:], '--launcher', 'slurm']
    assert delayed._timeout_countdown == 100
