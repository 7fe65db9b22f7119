"""One of two processes of a training is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aurora_mm.checkpoints import load_checkpoint_file
from tests.faults.test_command_line import CONFIG
from tests.fixtures.waiting import LONG, wait_until


def torchrun(*args: object) -> subprocess.Popen:
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2']
    command += ['-m', 'aurora_mm', 'train', *map(str, args), '--launcher', 'pytorch']
    env = os.environ | {'OMP_NUM_THREADS': '1'}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, start_new_session=True
    )


def processes_of(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f'/proc/{parent}/task/{parent}/children').read_text().split()]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != 'linux', reason='/proc is Linux')
def test_one_of_two_processes_is_killed(generated, tmp_path):
    """torchrun ends the other one; what is on the disk is whole, and the run goes on from it."""
    config, out = tmp_path / 'tiny.py', tmp_path / 'run'
    config.write_text(CONFIG.replace('max_epochs=2', 'max_epochs=100'))
    args = (config, '--data-root', generated, '--work-dir', out)
    run = torchrun(*args)
    try:
        wait_until((out / 'last_checkpoint').exists, lambda: run.poll() is None)
        assert run.poll() is None, run.communicate()[0]
        os.kill(processes_of(run.pid)[1], signal.SIGKILL)
        output, _ = run.communicate(timeout=LONG)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 1
    assert 'SIGKILL' in output
    begun = max(load_checkpoint_file(file)['meta']['epoch'] for file in out.glob('epoch_*.pth'))
    run = torchrun(*args, '--resume', '--cfg-options', f'train_cfg.max_epochs={begun + 1}')
    try:
        output, _ = run.communicate(timeout=LONG)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 0, output
    assert load_checkpoint_file(out / f'epoch_{begun + 1}.pth')['meta']['epoch'] == begun + 1
