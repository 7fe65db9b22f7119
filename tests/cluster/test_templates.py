"""The templates for schedulers: what can be checked without them."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess

import pytest
import yaml

from aurora_mm.apis import read_config
from aurora_mm.cli.verbs import train
from tests.fixtures.checkpoints import REPO

CLUSTER = REPO / 'tools/cluster'


def train_arguments(command):
    """The arguments of ``aurora-mm train`` in a command, as its own parser reads them."""
    words = list(command)
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    return parser.parse_args(words[words.index('train') + 1 :])


def check(command):
    given = train_arguments(command)
    read_config(str(REPO / given.config), [])
    assert given.data_root
    assert given.resume == 'auto', 'what is started again goes on'
    return given


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Puts programs into the place of those of a cluster, which print their arguments and end with a status."""

    def make(**statuses):
        for name, status in statuses.items():
            file = tmp_path / name
            file.write_text(f'#!/bin/sh\necho {name} "$@"\nexit {status}\n')
            file.chmod(0o755)
        return os.environ | dict(PATH=f'{tmp_path}:{os.environ["PATH"]}')

    return make


def run(script, env, *args, **variables):
    command = ['bash', CLUSTER / script, 'configs/aurora_fmc.py', '--data-root', 'my data', *args]
    done = subprocess.run(command, env=env | variables, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.returncode, done.stdout


def test_torchrun(programs):
    status, told = run('torchrun_nodes.sh', programs(torchrun=0), NODES='2', GPUS='8', HOST='10.0.0.1')
    assert status == 0
    words = told.split()
    given = check([*words[: words.index('my')], 'my data', *words[words.index('data') + 1 :]])
    assert (given.launcher, given.data_root) == ('pytorch', 'my data')
    assert '--nnodes 2 ' in told and '--nproc_per_node 8 ' in told and '--rdzv_endpoint 10.0.0.1:29500' in told


@pytest.mark.parametrize('status', [0, 1, 75, 138, 140, 143])
def test_slurm_requeues_what_was_stopped_and_nothing_else(programs, status):
    ended, told = run('slurm.sh', programs(srun=status, scontrol=0), SLURM_JOB_ID='7')
    assert ended == status
    assert ('scontrol requeue 7' in told) == (status > 1)
    assert check(told.splitlines()[0].replace('my data', 'my_data').split()).launcher == 'slurm'


def test_options_of_sbatch_fit_each_other():
    lines = (CLUSTER / 'slurm.sh').read_text().splitlines()
    options = dict(line.removeprefix('#SBATCH --').split('=') for line in lines if '#SBATCH --' in line and '=' in line)
    assert options['ntasks-per-node'] == options['gpus-per-node']
    assert options['signal'].startswith('USR1@')


def test_kubeflow():
    job = yaml.safe_load((CLUSTER / 'kubeflow.yaml').read_text())
    assert (job['apiVersion'], job['kind']) == ('trainer.kubeflow.org/v1alpha1', 'TrainJob')
    trainer = job['spec']['trainer']
    assert check(trainer['command'] + trainer['args']).launcher == 'pytorch'
    assert trainer['numProcPerNode'] == trainer['resourcesPerNode']['limits']['nvidia.com/gpu']
    assert all(isinstance(word, str) for word in trainer['command'] + trainer['args'])
    template = job['spec']['runtimePatches'][0]['trainingRuntimeSpec']['template']['spec']['replicatedJobs'][0]
    pod = template['template']['spec']['template']['spec']
    assert [v['name'] for v in pod['volumes']] == [m['name'] for m in pod['containers'][0]['volumeMounts']]
    given = check(trainer['command'] + trainer['args'])
    mounted = pod['containers'][0]['volumeMounts'][0]['mountPath']
    assert given.data_root.startswith(mounted) and given.work_dir.startswith(mounted)


def test_skypilot(programs, tmp_path):
    task = yaml.safe_load((CLUSTER / 'skypilot.yaml').read_text())
    (mounted,) = task['file_mounts']
    variables = dict(SKYPILOT_NUM_NODES='2', SKYPILOT_NUM_GPUS_PER_NODE='8', SKYPILOT_NODE_IPS='10.0.0.1\n10.0.0.2')
    env = programs(torchrun=0) | variables
    done = subprocess.run(['bash', '-c', task['run']], cwd=REPO, env=env, capture_output=True, text=True, check=True)
    assert '--nnodes 2 ' in done.stdout and '--rdzv_endpoint 10.0.0.1:29500 ' in done.stdout
    given = check(shlex.split(done.stdout))
    assert given.data_root.startswith(mounted) and given.work_dir.startswith(mounted)
